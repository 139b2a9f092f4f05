/* engine/pool/pool_removal.h - cells on their way out: those to be removed, and those that were
 * slow to go.
 *
 *     add --> first in line --next, try--> gone
 *                                \-------> stuck --due again, try--> ... left to a sweep
 *
 * Room     engine/pool; a part of the pool.
 * Owns     the cells in it, from pool_removal_add() until pool_removal_done() says that one is
 * over. Threads  not locked: the pool's lock guards all but pool_removal_try(), which takes its
 * time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct cell;
struct docker;

struct pool_removal_cell {
    struct cell *cell; /* owned; NULL: it is gone */
    struct pool_removal_cell *next;
    int tries;
    int64_t due_ns; /* of one that is stuck */
};

struct pool_removal {
    struct pool_removal_cell *first, *stuck; /* owned; stuck in the order in which they are due */
    bool trying;            /* a stuck one: one thread at a time looks after them */
    int64_t len, stuck_len; /* all, and the stuck ones; those being tried included */
};

/* Takes the cell. False out of memory: it is the caller's still. */
NODISCARD bool pool_removal_add(struct pool_removal *l, struct cell *c);

/* The next to be tried, or NULL; at the end also those that are not due yet. */
struct pool_removal_cell *pool_removal_next(struct pool_removal *l, int64_t now_ns, bool ending);

/* Asks Docker once, for a few seconds or until deadline. At the end there is no other try. */
void pool_removal_try(struct pool_removal_cell *g, struct docker *d, int64_t deadline_ns,
                      bool ending);

/* After the try: it goes, or is stuck. Takes g. */
void pool_removal_done(struct pool_removal *l, struct pool_removal_cell *g);

/* When the first of the stuck ones is due; INT64_MAX: there is none to wait for. */
int64_t pool_removal_due(const struct pool_removal *l);
