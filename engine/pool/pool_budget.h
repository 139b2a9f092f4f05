/* engine/pool/pool_budget.h - how many cells the classes of a pool keep together, and which class
 * loses one.
 *
 * What a class keeps (`target`) is granted from one budget, so that many languages do not mean many
 * idle containers. When nothing is left, a class that needs another cell gets it from the class
 * that was not used for the longest time, whose target may fall to 0: its next pool_acquire() then
 * waits until a cell is made, and the class gets one back from another class. Of classes that were
 * never used, the last added one loses first.
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

/* How many cells a pool for so many workers may keep. */
int64_t pool_budget_most(int64_t parallel);

/* Raises the target of cls by one. False: nothing is left. */
bool pool_budget_grant(const struct pool_budget *b, struct pool_class *cls);

/* The same, and lowers the target of the least recently used other class. False: all others are
 * 0. */
bool pool_budget_move(const struct pool_budget *b, struct pool_class *cls);

/* The class that must lose its oldest idle cell, when more are idle than the budget allows. NULL:
 * there are not more, or each class needs all its own. */
struct pool_class *pool_budget_excess(const struct pool_budget *b);
