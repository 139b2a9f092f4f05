/* engine/pool/pool_leased.h - leased cells that are expected to be released: no other is made in
 * their place.
 *
 * Room     engine/pool; a part of the pool.
 * Owns     its list, not the cells.
 * Threads  not locked: the pool's lock guards the list and the counts of the classes.
 * Errors   none. When memory is short a cell is not expected back, and another one is made.
 */
#pragma once

#include "schema/base/base.h"

struct cell;
struct pool_leased;
struct pool_class;

/* Expects that c is released to cls. Borrows both; an empty list is NULL. */
void pool_leased_add(struct pool_leased **list, const struct cell *c, struct pool_class *cls);

/* c was released or discarded. Does nothing when it was not expected. */
void pool_leased_end(struct pool_leased **list, const struct cell *c);
