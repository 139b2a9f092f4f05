/* schema/store/move/move_copy.h - the rows of one table: copied in slices, and hashed.
 *
 * Room     schema/store/move. May know db.h.
 * Owns     nothing; a slice is in memory at a time.
 * Threads  one at a time.
 * Errors   as db.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct move_side;

#define MOVE_COPY_HASH 32

/* How far it is, after each slice: rows of a table (its place in move_table_all), bytes of the
 * slice. */
struct move_copy_progress {
    void (*fn)(void *ctx, size_t table, int64_t rows);
    void *ctx;
};

/* Copies the rows behind the last one that the target has. */
NODISCARD int move_copy_rows(struct move_side *from, struct move_side *to, size_t table,
                             const struct move_copy_progress *p, struct err *e);

/* Counts and hashes all rows, in the order of their key. */
NODISCARD int move_copy_hash(struct move_side *s, size_t table, int64_t *ret_rows,
                             unsigned char ret_hash[MOVE_COPY_HASH], struct err *e);
