/* engine/pool/pool.h - warm cells, kept ahead of need.
 *
 * One shelf per cell_spec, memory apart. A shelf keeps `target` cells that are idle or will come
 * back; a taker that had to wait raises the target, quiet minutes lower it. All shelves together
 * keep no more than one budget allows (pool_budget.h): when that is used up, the least recently
 * used one gives way, down to none. Makers and removers are threads of the pool, so that no judging
 * waits for Docker while there is spare CPU. A cell that dies on the shelf is replaced, with
 * back-off when the next one dies too. One that does not want to be removed keeps nobody: it is
 * tried again later, beside the others.
 *
 * Room     engine/pool: cells kept ahead of need, and those that a worker has in its hands.
 *          May know schema/base, cell and docker.
 * Owns     idle cells; a taken cell belongs to the taker until pool_release() or pool_discard().
 * Threads  any.
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
    int64_t parallel; /* RUNNER_MAX_PARALLEL: no shelf keeps more idle cells than this */
    int creators;     /* threads */
};

NODISCARD int pool_start(const struct pool_config *c, struct pool **ret_pool, struct err *e);

/* From now on nothing is made, and every pool_acquire(), also one that waits, fails with
 * ERR_CANCELLED. */
void pool_close(struct pool *p);

/* Closes it, removes every cell and waits for the threads. All taken cells must be back, and no
 * call in progress. NULL is fine. */
struct pool *pool_stop(struct pool *p);
/* The same, but what is not removed at deadline (clock_mono_ns) is left to the next start's sweep.
 */
struct pool *pool_stop_until(struct pool *p, int64_t deadline_ns);
DEFINE_CLEANUP(struct pool, pool_stop)

/* Names a shelf; the same spec (memory apart) is the same shelf. Copies spec. Returns its number,
 * or -1. It starts to fill at once, as long as the budget has room; naming it again ends a
 * back-off. Each needs a pool_class_remove().
 */
NODISCARD int pool_class_add(struct pool *p, const struct cell_spec *spec, struct err *e);
/* When nobody names it any more, its idle cells go and none is made but for who still takes from
 * it. */
void pool_class_remove(struct pool *p, int shelf);

/* A warm cell, a memory of `memory_bytes` preferred (the caller calls cell_set_memory()). Waits
 * until there is one. uses: how many submissions it has served; when this is not the last of
 * uses_max, the cell is expected back and no other is made in its place. Errors as cell_open(),
 * after the maker has failed; ERR_CANCELLED when the pool is stopping. */
NODISCARD int pool_acquire(struct pool *p, int shelf, int64_t memory_bytes, int uses_max,
                           struct cell **ret_cell, int *ret_uses, struct err *e);

/* Gives a proven clean cell back that has served `uses` submissions by now. Takes the cell. */
void pool_release(struct pool *p, int shelf, struct cell *c, int uses);

/* Hands a cell over for removal in the background. Takes the cell. */
void pool_discard(struct pool *p, struct cell *c);

struct pool_stats {
    int64_t idle, taken, made, died, removing;
};
void pool_stats(struct pool *p, struct pool_stats *ret_stats);
