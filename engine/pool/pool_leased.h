/* engine/pool/pool_leased.h - the cells that takers have and are expected to give back: none is
 * made in their place.
 *
 * Room     engine/pool; a part of the pool.
 * Owns     its list, not the cells.
 * Threads  not locked: the pool's lock guards the list and the shelves' counts.
 * Errors   none. When memory is short a cell is not expected back, and another one is made.
 */
#pragma once

#include "schema/base/base.h"

struct cell;
struct pool_leased;
struct pool_class;

/* Expects c back on shelf s. Borrows both; *list is NULL when it is empty. */
void pool_leased_add(struct pool_leased **list, const struct cell *c, struct pool_class *s);

/* c has come back, or never will. Nothing happens when it was not expected. */
void pool_leased_end(struct pool_leased **list, const struct cell *c);
