/* engine/pool/pool_class.h - the idle cells of one kind, and what is known of making more of them.
 *
 * Room     engine/pool; a part of the pool.
 * Owns     its idle cells' array, not the cells: pool_class_free() wants none left.
 * Threads  not locked. The pool's lock guards everything but spec, which never changes.
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
    struct cell_spec spec;        /* its strings are owned */
    pthread_cond_t ready;         /* for takers: there is one more, or an attempt has failed */
    struct pool_class_slot *idle; /* owned; the youngest is the last */
    int64_t idle_len, idle_max;
    int64_t target; /* how many it keeps; granted by the budget (pool_budget.h) */
    int64_t making, waiting;
    uint64_t used; /* the number of the last pool_acquire() of it; 0: there was none */
    int users;     /* pool_class_add() minus pool_class_remove(); 0: no cell is kept, only made on
                      demand */
    int64_t returning; /* taken, and expected back */
    int64_t quiet_since_ns;

    int failures; /* in a row: cells that could not be made, or died young */
    int64_t retry_at_ns;
    bool failing;    /* the last attempt to make one failed... */
    struct err last; /* ...with this */
    uint64_t rounds; /* of attempts that all failed */
};

/* An empty one with room for idle_max cells. Copies spec. NULL when memory is short. */
struct pool_class *pool_class_new(const struct cell_spec *spec, int64_t idle_max);
/* Takes NULL, returns NULL. */
struct pool_class *pool_class_free(struct pool_class *s);

/* Are its cells what spec asks for, memory apart? That can be changed in a cell. */
bool pool_class_suits(const struct pool_class *s, const struct cell_spec *spec);

/* False: it is full, and the cell still the caller's. */
NODISCARD bool pool_class_push(struct pool_class *s, struct cell *c, int uses);
/* Takes out number i; the caller owns its cell. */
struct pool_class_slot pool_class_pull(struct pool_class *s, int64_t i);
/* The number of the best one for this memory; -1 when there is none. */
int64_t pool_class_pick(const struct pool_class *s, int64_t memory_bytes);

/* How many cells it lacks now; 0 while it rests after a failure. */
int64_t pool_class_lacks(const struct pool_class *s, int64_t now_ns);
/* Rests for a time that doubles with each failure in a row, at most this long. */
void pool_class_back_off(struct pool_class *s, int64_t now_ns, int64_t most_ns);
