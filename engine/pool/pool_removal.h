/* engine/pool/pool_removal.h - cells to be removed, and those whose removal has failed (stuck).
 *
 *     add --> first --next, try--> removed
 *                           \----> stuck --next when due, try--> ... left to a sweep
 *
 * Room     engine/pool; a part of the pool.
 * Owns     the cells in it, from pool_removal_add() until pool_removal_try() has freed them.
 * Threads  not locked: the pool's lock guards all but pool_removal_try(), which waits for Docker.
 * Errors   none: a removal that fails is tried again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct cell;
struct docker;

struct pool_removal_cell {
    struct cell *cell; /* owned; NULL: removed, or left to a sweep */
    struct pool_removal_cell *next;
    int tries;
    int64_t due_ns; /* of a stuck one: clock_mono_ns() of the next try */
};

struct pool_removal {
    struct pool_removal_cell *first, *stuck; /* owned; stuck is ordered by due_ns */
    bool trying;                             /* a stuck one: one thread at a time does that */
    int64_t len, stuck_len; /* of all, and of the stuck ones, with those being tried */
};

/* Takes the cell. False when memory is short: the caller still owns it. */
NODISCARD bool pool_removal_add(struct pool_removal *list, struct cell *c);

/* Takes out the next to be tried, or NULL. ending: also those that are not due yet. */
struct pool_removal_cell *pool_removal_next(struct pool_removal *list, int64_t now_ns, bool ending);

/* Asks Docker once, for a few seconds or until deadline_ns. ending: there is no other try. */
void pool_removal_try(struct pool_removal_cell *entry, struct docker *d, int64_t deadline_ns,
                      bool ending);

/* After the try: frees entry when its cell is removed, else it is stuck. Takes entry. */
void pool_removal_done(struct pool_removal *list, struct pool_removal_cell *entry);

/* When the first stuck one is due; INT64_MAX: there is none to wait for. */
int64_t pool_removal_due(const struct pool_removal *list);
