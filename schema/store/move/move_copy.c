#include "schema/store/move/move_copy.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/move/move_row.h"
#include "schema/store/move/move_side.h"

/* ---- statements: kept, for their address is the key of the prepared ones ---- */

static struct db_stmt *prepare_select(struct move_side *s, size_t table, struct err *e)
{
    CLEANUP(buf_clear) struct buf sql = { 0 };

    if (!s->select[table]) {
        if (move_table_select(&move_table_all[table], s->kind->of_postgres, &sql, e) < 0)
            return NULL;
        s->select[table] = buf_take(&sql);
    }
    return db_prepare(s->db, s->select[table], e);
}

static struct db_stmt *prepare_last(struct move_side *s, size_t table, struct err *e)
{
    CLEANUP(buf_clear) struct buf sql = { 0 };

    if (!s->last[table]) {
        if (move_table_select_last(&move_table_all[table], &sql, e) < 0)
            return NULL;
        s->last[table] = buf_take(&sql);
    }
    return db_prepare(s->db, s->last[table], e);
}

/* ---- slices ---- */

/* Behind every key: less than each that a row has. */
static void bind_first(struct db_stmt *q, const struct move_table *t)
{
    for (size_t i = 0; i < t->keys; i++) {
        if (t->types[i] == 'i')
            db_bind_int(q, (int)i + 1, INT64_MIN);
        else
            db_bind_text(q, (int)i + 1, "");
    }
}

/* Replaces the rows by those behind the last one; none: the first ones. */
static int read_slice(struct move_side *s, size_t table, struct move_rows *rows, struct err *e)
{
    const struct move_table *t = &move_table_all[table];
    struct move_rows next = { 0 };
    CLEANUP(db_donep) struct db_stmt *q = prepare_select(s, table, e);
    int n = -1;

    if (!q)
        return -1;
    if (rows->count > 0)
        (void)move_row_bind(rows, rows->last, t->types, t->keys, q);
    else
        bind_first(q, t);
    while (next.bytes.len < MOVE_TABLE_SLICE_BYTES && (n = db_step(q, e)) > 0)
        if ((n = move_row_add(&next, q, t->types, strlen(t->types), e)) < 0)
            break;
    move_row_clear(rows);
    *rows = next;
    return n < 0 ? -1 : 0;
}

/* The key of the last row, as if it had been read; none when there is no row. */
static int read_last(struct move_side *s, size_t table, struct move_rows *rows, struct err *e)
{
    const struct move_table *t = &move_table_all[table];
    CLEANUP(db_donep) struct db_stmt *q = prepare_last(s, table, e);
    int n = q ? db_step(q, e) : -1;

    return n <= 0 ? n : move_row_add(rows, q, t->types, t->keys, e);
}

int move_copy_rows(struct move_side *from, struct move_side *to, size_t table,
                   const struct move_copy_progress *p, struct err *e)
{
    CLEANUP(move_row_clear) struct move_rows rows = { 0 };
    int64_t copied = 0;

    if (read_last(to, table, &rows, e) < 0)
        return -1;
    for (;;) {
        if (read_slice(from, table, &rows, e) < 0)
            return -1;
        if (rows.count == 0)
            return 0;
        if (to->kind->put(to, &move_table_all[table], &rows, e) < 0)
            return -1;
        p->fn(p->ctx, table, copied += (int64_t)rows.count);
    }
}

int move_copy_hash(struct move_side *s, size_t table, int64_t *ret_rows,
                   unsigned char ret_hash[MOVE_COPY_HASH], struct err *e)
{
    CLEANUP(move_row_clear) struct move_rows rows = { 0 };
    crypto_generichash_state h;

    (void)crypto_generichash_init(&h, NULL, 0, MOVE_COPY_HASH);
    *ret_rows = 0;
    do {
        if (read_slice(s, table, &rows, e) < 0)
            return -1;
        (void)crypto_generichash_update(&h, (const unsigned char *)rows.bytes.data, rows.bytes.len);
        *ret_rows += (int64_t)rows.count;
    } while (rows.count > 0);
    (void)crypto_generichash_final(&h, ret_hash, MOVE_COPY_HASH);
    return 0;
}
