/* engine/pool/lease.h - what one judging thread has in its hands: a Docker handle and the cells it
 * uses.
 *
 *     lease_begin(b, seq)
 *         lease_acquire() ... cell_run() ... lease_release()
 *     lease_end(b)         puts back or drops what is still held
 *
 * Room     engine/pool.
 * Owns     the Docker handle and the cells taken, until they are put back.
 * Threads  one thread works at a bench; lease_abort() may come from any other.
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
struct build_cache;
struct docker;
struct engine_config;
struct pool;

/* Where cells come from: a shelf of the pool, or, with number -1, made on the spot and removed
 * after one use (the self-test's, before anybody knows how many are wanted). */
struct lease_class {
    int number;
    struct cell_spec spec;
};

struct lease_cell {
    struct cell *cell; /* NULL: a free place */
    int shelf, uses;   /* uses: submissions it has served */
    int uses_max;      /* it is dropped after this many */
    bool dead;         /* it must not be used again */
    bool used;         /* lease_acquire() has handed it out */
};

/* At once: a program, its checker and its interactor, each with a cell to build and one to run in.
 */
#define LEASE_CELLS_MAX 6

/* How far the last cell came: what an error means depends on it. */
enum lease_stage {
    LEASE_IDLE,     /* no cell was asked for yet */
    LEASE_ACQUIRES, /* one is waited for */
    LEASE_LIMITS,   /* it is given its memory */
    LEASE_USES      /* it is ours */
};

/* What is asked of lease_acquire(). */
struct lease_request {
    struct docker *docker;           /* of the thread that takes */
    const struct lease_class *shelf; /* borrowed */
    int64_t memory_bytes;
    int uses_max;
    enum lease_stage stage; /* out */
};

/* A cell that another thread takes and gives its memory while this one builds. */
struct lease_prefetch_state {
    bool pending;
    pthread_t thread;
    struct lease_request order; /* owns its docker; borrows the shelf, as long as it is pending */
    int rc;                     /* the thread's, as are these */
    struct lease_cell *cell;
    struct err err;
};

struct lease {
    const struct engine_config *config; /* borrowed */
    const struct cell_host *host;       /* borrowed */
    struct docker *docker;              /* owned */
    struct pool *pool;                  /* borrowed; set by lease_begin() */
    struct build_cache *builds;         /* borrowed; NULL: every build is made */
    struct lease_prefetch_state ahead;
    enum lease_stage stage; /* its own thread's */
    pthread_mutex_t lock;
    /* guarded by lock */
    int64_t seq; /* of the submission on it; 0: none */
    bool aborted;
    struct lease_cell cells[LEASE_CELLS_MAX]; /* a place does not move while it is held */
};

NODISCARD int lease_init(struct lease *b, const struct engine_config *config,
                         const struct cell_host *host, struct err *e);
void lease_clear(struct lease *b);

/* seq tells lease_abort() what is on the bench. */
void lease_begin(struct lease *b, struct pool *pool, int64_t seq);
void lease_end(struct lease *b);

/* A warm cell of this shelf with this much memory. Borrowed until lease_release() or lease_end(). A
 * cell that will not take the memory is replaced by another one. ERR_BUG: LEASE_CELLS_MAX are held
 * already. */
NODISCARD int lease_acquire(struct lease *b, const struct lease_class *shelf, int64_t memory_bytes,
                            int uses_max, struct lease_cell **ret_cell, struct err *e);

/* Does the same in the background; the next lease_acquire() of this shelf and memory is its answer.
 * One at a time; shelf is borrowed until lease_end(). */
void lease_prefetch(struct lease *b, const struct lease_class *shelf, int64_t memory_bytes,
                    int uses_max);

/* Back to the shelf once it is proved clean; dropped when spent, worn out, not clean or aborted. */
void lease_release(struct lease *b, struct lease_cell *c);

/* Makes what runs here fail with ERR_CANCELLED; seq 0 means whatever it is. False: it is not here.
 */
bool lease_abort(struct lease *b, int64_t seq);
bool lease_is_aborted(struct lease *b);

/* The bench is of no more use at this moment (clock_mono_ns): its calls to Docker, also one in
 * progress, then fail with ERR_CANCELLED. From any thread. */
void lease_until(struct lease *b, int64_t deadline_ns);
