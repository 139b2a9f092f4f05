/* engine/pool/pool_budget.h - how many cells the classes of a pool keep together, and which of them
 * has to do with less.
 *
 * What a class keeps (`target`) is granted out of one budget, so that many languages do not mean
 * many sleeping containers. When nothing is left, a class that needs a cell more gets it from the
 * class that was not used for the longest time, which may so come down to none: its next taker then
 * waits until a cell is made for it, and gets one back from another class. Among those that were
 * never used the last named one comes first.
 *
 * Room     engine/pool; a part of the pool.
 * Owns     nothing.
 * Threads  not locked: the pool's lock guards the classes.
 * Errors   none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pool_class;

struct pool_budget {
    struct pool_class *const *classes; /* borrowed */
    int classes_len;
    int64_t most; /* cells */
};

/* What a pool for so many workers may keep. */
int64_t pool_budget_most(int64_t parallel);

/* Lets s keep one cell more. False: nothing is left. */
bool pool_budget_grant(const struct pool_budget *b, struct pool_class *s);

/* The same, at the expense of the least recently used other class. False: no other keeps any. */
bool pool_budget_move(const struct pool_budget *b, struct pool_class *s);

/* Where more cells are idle than the budget allows: the class that is to lose its oldest. NULL:
 * there are not too many, or somebody waits for each that is too many. */
struct pool_class *pool_budget_excess(const struct pool_budget *b);
