/* engine/pool/bench.h - what one judging thread has in its hands: a Docker handle and the cells it
 * uses.
 *
 *     bench_begin(b, seq)
 *         bench_take() ... cell_run() ... bench_put()
 *     bench_end(b)         puts back or drops what is still held
 *
 * Room     engine/pool.
 * Owns     the Docker handle and the cells taken, until they are put back.
 * Threads  one thread works at a bench; bench_abort() may come from any other.
 * Errors   ERR_CANCELLED after bench_abort().
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/cell/cell.h"
#include "schema/base/base.h"
#include "schema/base/err.h"

struct bench;
struct build_cache;
struct docker;
struct engine_config;
struct pool;

/* Where cells come from: a shelf of the pool, or, with number -1, made on the spot and removed
 * after one use (the self-test's, before anybody knows how many are wanted). */
struct bench_shelf {
    int number;
    struct cell_spec spec;
};

struct bench_cell {
    struct cell *cell; /* NULL: a free place */
    int shelf, uses;   /* uses: submissions it has served */
    int uses_max;      /* it is dropped after this many */
    bool spent;        /* it must not be used again */
    bool used;         /* bench_take() has handed it out */
};

#define BENCH_CELLS 2

/* How far the last cell came: what an error means depends on it. */
enum bench_stage {
    BENCH_IDLE,     /* no cell was asked for yet */
    BENCH_ACQUIRES, /* one is waited for */
    BENCH_LIMITS,   /* it is given its memory */
    BENCH_USES      /* it is ours */
};

/* What is asked of bench_take(). */
struct bench_order {
    struct docker *docker;           /* of the thread that takes */
    const struct bench_shelf *shelf; /* borrowed */
    int64_t memory_bytes;
    int uses_max;
    enum bench_stage stage; /* out */
};

/* A cell that another thread takes and gives its memory while this one builds. */
struct bench_ahead {
    bool pending;
    pthread_t thread;
    struct bench_order order; /* owns its docker; borrows the shelf, as long as it is pending */
    int rc;                   /* the thread's, as are these */
    struct bench_cell *cell;
    struct err err;
};

struct bench {
    const struct engine_config *config; /* borrowed */
    const struct cell_host *host;       /* borrowed */
    struct docker *docker;              /* owned */
    struct pool *pool;                  /* borrowed; set by bench_begin() */
    struct build_cache *builds;         /* borrowed; NULL: every build is made */
    struct bench_ahead ahead;
    enum bench_stage stage; /* its own thread's */
    pthread_mutex_t lock;
    /* guarded by lock */
    int64_t seq; /* of the submission on it; 0: none */
    bool aborted;
    struct bench_cell cells[BENCH_CELLS];
};

NODISCARD int bench_init(struct bench *b, const struct engine_config *config,
                         const struct cell_host *host, struct err *e);
void bench_clear(struct bench *b);

/* seq tells bench_abort() what is on the bench. */
void bench_begin(struct bench *b, struct pool *pool, int64_t seq);
void bench_end(struct bench *b);

/* A warm cell of this shelf with this much memory. Borrowed until bench_put() or bench_end(). A
 * cell that will not take the memory is replaced by another one. */
NODISCARD int bench_take(struct bench *b, const struct bench_shelf *shelf, int64_t memory_bytes,
                         int uses_max, struct bench_cell **ret_cell, struct err *e);

/* Does the same in the background; the next bench_take() of this shelf and memory is its answer.
 * One at a time; shelf is borrowed until bench_end(). */
void bench_take_ahead(struct bench *b, const struct bench_shelf *shelf, int64_t memory_bytes,
                      int uses_max);

/* Back to the shelf once it is proved clean; dropped when spent, worn out, not clean or aborted. */
void bench_put(struct bench *b, struct bench_cell *c);

/* Makes what runs here fail with ERR_CANCELLED; seq 0 means whatever it is. False: it is not here.
 */
bool bench_abort(struct bench *b, int64_t seq);
bool bench_is_aborted(struct bench *b);

/* The bench is of no more use at this moment (clock_mono_ns): its calls to Docker, also one in
 * progress, then fail with ERR_CANCELLED. From any thread. */
void bench_until(struct bench *b, int64_t deadline_ns);
