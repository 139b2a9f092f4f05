/* engine/pool/pool_class.h - the idle cells of one cell_spec, and how well making more of them
 * goes.
 *
 * Room     engine/pool; a part of the pool.
 * Owns     the array of idle cells, not the cells: before pool_class_free() there must be none.
 * Threads  not locked. The pool's lock guards everything but spec, which never changes.
 * Errors   none; see each function.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/cell/cell_types.h"
#include "schema/base/err.h"

struct pool_class_slot {
    struct cell *cell; /* owned */
    int uses;          /* submissions it has served */
    int64_t since_ns;
};

struct pool_class {
    struct cell_spec spec; /* its strings are owned */
    pthread_cond_t ready;  /* wakes pool_acquire(): there is one more, or an attempt has failed */
    struct pool_class_slot *idle; /* owned; the youngest cell is the last */
    int64_t idle_len, idle_max;
    int64_t target; /* how many it keeps; granted by the budget (pool_budget.h) */
    int64_t making, waiting;
    uint64_t used; /* number of its last pool_acquire(), counted over the pool; 0: none yet */
    int users;     /* pool_class_add() minus pool_class_remove(); 0: cells are made on demand and
                      none is kept */
    int64_t returning; /* acquired, and expected to be released */
    int64_t quiet_since_ns;

    int failures; /* in a row: cells that could not be made, or died early */
    int64_t retry_at_ns;
    bool failing;    /* the last attempt to make one failed... */
    struct err last; /* ...with this */
    uint64_t rounds; /* of simultaneous attempts that all failed */
};

/* An empty class with room for idle_max cells. Copies spec. NULL when memory is short. */
struct pool_class *pool_class_new(const struct cell_spec *spec, int64_t idle_max);
/* Takes NULL, returns NULL. */
struct pool_class *pool_class_free(struct pool_class *cls);

/* True if its cells are what spec asks for. Memory does not count: it can be changed in a cell. */
bool pool_class_suits(const struct pool_class *cls, const struct cell_spec *spec);

/* Adds an idle cell. False: the class is full, and the caller still owns the cell. */
NODISCARD bool pool_class_push(struct pool_class *cls, struct cell *c, int uses);
/* Takes out idle cell i, which the caller owns. */
struct pool_class_slot pool_class_pull(struct pool_class *cls, int64_t i);
/* The index of the best idle cell for this memory; -1 when there is none. */
int64_t pool_class_pick(const struct pool_class *cls, int64_t memory_bytes);

/* How many cells it lacks now; 0 during a back-off. */
int64_t pool_class_lacks(const struct pool_class *cls, int64_t now_ns);
/* After a failure: makes no cell for a time that doubles with each failure in a row, at most
 * most_ns. */
void pool_class_back_off(struct pool_class *cls, int64_t now_ns, int64_t most_ns);
