/* engine/pool/lease.h - what one judging thread holds: a Docker handle and the cells it uses.
 *
 *     lease_begin(lease, seq)
 *         lease_acquire() ... cell_run() ... lease_release()
 *     lease_end(lease)     releases the cells that are still held
 *
 * Room     engine/pool. Knows the pool, cells and Docker.
 * Owns     the Docker handle, each acquired cell until it is released, and its permit.
 * Threads  a lease belongs to one thread; others may call lease_abort(), lease_is_aborted() and
 *          lease_until().
 * Errors   ERR_CANCELLED after lease_abort().
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/cell/cell.h"
#include "schema/base/base.h"
#include "schema/base/err.h"

struct lease;
struct build_share;
struct permits;
struct docker;
struct engine_config;
struct pool;

/* Where cells come from: a class of the pool, or, with number -1, each is made when it is acquired,
 * serves the lease until lease_end(), and is removed then (for the self-test, before the pool has
 * classes). One that may write to its volume, or has a resident program, serves once. */
struct lease_class {
    int number;
    struct cell_spec spec;
};

struct lease_cell {
    struct cell *cell;      /* NULL: the place is free */
    int class_number, uses; /* class_number as in lease_class; uses: submissions it has served */
    int uses_max;           /* it is discarded after this many */
    bool dead;              /* it must not be used again */
    bool used;              /* lease_acquire() has handed it out */
    const struct lease_class *cell_class; /* borrowed */
    bool kept; /* released, and waits for the next lease_acquire() of this class, of number -1 */
};

/* For a program, its checker and its interactor at once, each with a cell to build and one to
 * run. */
#define LEASE_CELLS_MAX 6

/* How far the last lease_acquire() came: the meaning of an error depends on it. */
enum lease_stage {
    LEASE_IDLE,     /* it was not called yet */
    LEASE_ACQUIRES, /* it waits for a cell */
    LEASE_LIMITS,   /* it sets the cell's memory */
    LEASE_USES      /* it has succeeded */
};

/* The arguments of lease_acquire(), for the thread that serves it. */
struct lease_request {
    struct docker *docker;                /* of that thread */
    const struct lease_class *cell_class; /* borrowed */
    int64_t memory_bytes;
    int uses_max;
    enum lease_stage stage; /* out */
};

/* A cell that a second thread acquires, with its memory set, while the first one builds. */
struct lease_prefetch_state {
    bool pending;
    pthread_t thread;
    bool ended; /* guarded by the lease's lock: the thread waits for nothing more */
    pthread_cond_t end;
    struct lease_request request; /* owns its docker; borrows its cell_class while pending */
    int rc; /* this and the next two belong to the thread until it is joined */
    struct lease_cell *cell;
    struct err err;
};

struct lease {
    const struct engine_config *config; /* borrowed */
    const struct cell_host *host;       /* borrowed */
    struct docker *docker;              /* owned */
    struct pool *pool;                  /* borrowed; set by lease_begin() */
    struct build_share *builds;         /* borrowed; NULL: there is no cache, every build is made */
    struct permits *permits;            /* borrowed; NULL: it counts none and has no further run */
    bool has_permit;                    /* from lease_begin() to lease_rest() */
    struct lease_prefetch_state prefetch;
    enum lease_stage stage; /* not guarded: for the lease's own thread */
    pthread_mutex_t lock;
    /* guarded by lock */
    int64_t seq; /* of the submission being judged; 0: none */
    bool aborted;
    struct lease_cell cells[LEASE_CELLS_MAX]; /* a place does not move while it is held */
};

NODISCARD int lease_init(struct lease *lease, const struct engine_config *config,
                         const struct cell_host *host, struct err *e);
void lease_clear(struct lease *lease);

/* Begins a submission; seq names it for lease_abort(). Waits for a permit to run, unless the lease
 * still has that of the last submission. lease_end() releases its cells. */
void lease_begin(struct lease *lease, struct pool *pool, int64_t seq);
void lease_end(struct lease *lease);
/* There is no other submission now: gives the permit back. Between lease_end() and lease_begin().
 */
void lease_rest(struct lease *lease);

/* A warm cell of this class with this much memory. Borrowed until lease_release() or lease_end(). A
 * cell for which Docker refuses the memory is replaced by another one. ERR_BUG: LEASE_CELLS_MAX are
 * held already. */
NODISCARD int lease_acquire(struct lease *lease, const struct lease_class *cell_class,
                            int64_t memory_bytes, int uses_max, struct lease_cell **ret_cell,
                            struct err *e);

/* Does the same in a second thread; the next lease_acquire() of this class and memory waits for it
 * and returns its cell or its error. One at a time; cell_class is borrowed until lease_end(). */
void lease_prefetch(struct lease *lease, const struct lease_class *cell_class, int64_t memory_bytes,
                    int uses_max);

/* True if a prefetch has come to its end, so that lease_acquire() of the same does not wait. Waits
 * for that until until_ns (clock_mono_ns); 0: not at all. */
bool lease_prefetched(struct lease *lease, int64_t until_ns);

/* Gives the cell back to the pool when it is verified clean (one with a resident program: when it
 * is not dead); discards it when it is dead, has served uses_max, is not clean, or was aborted. */
void lease_release(struct lease *lease, struct lease_cell *c);

/* The runs of submission seq, 0: of any, fail with ERR_CANCELLED. False: it is not being judged
 * here. */
bool lease_abort(struct lease *lease, int64_t seq);
bool lease_is_aborted(struct lease *lease);

/* From this moment on (clock_mono_ns) its calls to Docker, also one in progress, fail with
 * ERR_CANCELLED. From any thread. */
void lease_until(struct lease *lease, int64_t deadline_ns);
