/* schema/store/move/move_row.h - rows as bytes, the same for the same row in both databases.
 *
 * The form is that of PostgreSQL's COPY in binary: the number of columns (2 bytes), then for each
 * its length (4 bytes; -1: NULL) and its bytes; a whole number has 8. All in network order. So what
 * was read is sent as it is, and what is hashed is what was sent.
 *
 * Room     schema/store/move. May know db.h.
 * Owns     the rows, until move_row_clear().
 * Threads  one at a time.
 * Errors   as db.h; ERR_NOMEM.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/buf.h"

struct db_stmt;
struct err;
struct move_table;

struct move_rows {
    struct buf bytes;
    size_t count;
    size_t last; /* offset of the last row; where a key was read, that is all it has */
};

/* Forgets the rows; their memory stays for the next ones. */
void move_row_reset(struct move_rows *r);
void move_row_clear(struct move_rows *r);

/* Appends the current row of a statement whose columns have these types (struct move_table). */
NODISCARD int move_row_add(struct move_rows *r, struct db_stmt *q, const char *types,
                           size_t columns, struct err *e);

/* Makes the first n columns of the row at an offset the parameters of a statement; borrowed until
 * db_done(). Returns the offset of what follows them. */
size_t move_row_bind(const struct move_rows *r, size_t at, const char *types, size_t n,
                     struct db_stmt *q);
