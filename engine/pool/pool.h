/* engine/pool/pool.h - warm cells, made before they are needed.
 *
 * A pool class holds the idle cells of one cell_spec; memory does not count, it can be changed. A
 * class keeps `target` cells that are idle or will be released. When pool_acquire() had to wait,
 * the target rises; when none has waited for a minute, it falls. All classes together keep no more
 * than one budget allows (pool_budget.h): when it is used up, the least recently used class loses
 * cells, down to none. Creators and removers are threads of the pool, so that no judging waits for
 * Docker while there is spare CPU. An idle cell that dies is replaced, with a back-off when the
 * next one dies too. A cell whose removal fails is tried again later; the others do not wait for
 * it.
 *
 * Room     engine/pool: idle cells, and those that workers have leased.
 *          May know schema/base, cell and docker.
 * Owns     idle cells; an acquired cell belongs to the caller until pool_release() or
 *          pool_discard().
 * Threads  any.
 * Errors   at each function.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/cell/cell.h"
#include "schema/base/base.h"

struct pool;
struct err;

struct pool_config {
    const char *docker_host;      /* borrowed */
    const struct cell_host *host; /* borrowed */
    int64_t parallel; /* RUNNER_MAX_PARALLEL: no class keeps more idle cells than this */
    int creators;     /* threads that make cells, and as many that remove them */
};

NODISCARD int pool_start(const struct pool_config *c, struct pool **ret_pool, struct err *e);

/* From now on no cell is made, and every pool_acquire(), also one that waits, fails with
 * ERR_CANCELLED. */
void pool_close(struct pool *p);

/* Closes it, removes every cell and waits for the threads. All acquired cells must be released or
 * discarded, and no call in progress. Takes NULL, returns NULL. */
struct pool *pool_stop(struct pool *p);
/* The same, but leaves what is not removed at the deadline (clock_mono_ns) to the next start's
 * sweep. */
struct pool *pool_stop_until(struct pool *p, int64_t deadline_ns);
DEFINE_CLEANUP(struct pool, pool_stop)

/* Adds a user of the class for this spec; specs that differ only in memory share a class. Copies
 * spec. Returns the number of the class, or -1: ERR_BUG, ERR_NOMEM. A new class is filled at once,
 * if the budget has room; another user ends a back-off. Each call needs a pool_class_remove(). */
NODISCARD int pool_class_add(struct pool *p, const struct cell_spec *spec, struct err *e);
/* Removes a user. Without users the class keeps no idle cells, and a cell is made only for a
 * pool_acquire() that waits. */
void pool_class_remove(struct pool *p, int class_number);

/* A warm cell, if possible with a memory of memory_bytes (the caller calls cell_set_memory()).
 * Waits until there is one. *ret_uses: how many submissions it has served; when this is not the
 * last of uses_max, the cell is expected to be released, and no other is made in its place. Errors
 * of cell_open(), when no cell could be made; ERR_CANCELLED when the pool is stopping; ERR_BUG. */
NODISCARD int pool_acquire(struct pool *p, int class_number, int64_t memory_bytes, int uses_max,
                           struct cell **ret_cell, int *ret_uses, struct err *e);

/* Gives back a cell that was verified clean and has now served `uses` submissions. Takes the
 * cell. */
void pool_release(struct pool *p, int class_number, struct cell *c, int uses);

/* Has an acquired cell removed in the background. Takes the cell. */
void pool_discard(struct pool *p, struct cell *c);
/* The same for a cell that was opened by the caller. */
void pool_remove(struct pool *p, struct cell *c);

struct pool_stats {
    int64_t idle, taken, made, died, removing;
};
void pool_stats(struct pool *p, struct pool_stats *ret_stats);
