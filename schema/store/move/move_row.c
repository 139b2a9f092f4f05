#include "schema/store/move/move_row.h"

#include <endian.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/store/db.h"

void move_row_reset(struct move_rows *r) { r->bytes.len = r->count = r->last = 0; }

void move_row_clear(struct move_rows *r)
{
    buf_clear(&r->bytes);
    move_row_reset(r);
}

/* ---- write ---- */

static int add_value(struct buf *b, const void *data, size_t len)
{
    uint32_t head = htobe32((uint32_t)len);

    return buf_add(b, &head, sizeof head) < 0 ? -1 : buf_add(b, data, len);
}

static int add_column(struct buf *b, struct db_stmt *q, int column, char type)
{
    const uint32_t none = UINT32_MAX;
    const void *data;
    size_t len;

    if (db_is_null(q, column))
        return buf_add(b, &none, sizeof none);
    if (type == 'i') {
        uint64_t number = htobe64((uint64_t)db_int(q, column));
        return add_value(b, &number, sizeof number);
    }
    data = type == 'b' ? db_blob(q, column, &len) : db_text(q, column, &len);
    return add_value(b, data, len);
}

int move_row_add(struct move_rows *r, struct db_stmt *q, const char *types, size_t columns,
                 struct err *e)
{
    const size_t at = r->bytes.len;
    uint16_t head = htobe16((uint16_t)columns);

    if (buf_add(&r->bytes, &head, sizeof head) < 0)
        return err_set(e, ERR_NOMEM, "a row");
    for (size_t i = 0; i < columns; i++)
        if (add_column(&r->bytes, q, (int)i, types[i]) < 0)
            return err_set(e, ERR_NOMEM, "a row");
    r->last = at;
    r->count++;
    return 0;
}

/* ---- read ---- */

static void bind_value(struct db_stmt *q, int n, char type, const char *data, size_t len)
{
    uint64_t number;

    if (type == 'i') {
        memcpy(&number, data, sizeof number);
        db_bind_int(q, n, (int64_t)be64toh(number));
    } else if (type == 'b') {
        db_bind_blob(q, n, data, len);
    } else {
        db_bind_text_n(q, n, data, len);
    }
}

size_t move_row_bind(const struct move_rows *r, size_t at, const char *types, size_t n,
                     struct db_stmt *q)
{
    const char *p = r->bytes.data + at + sizeof(uint16_t);
    uint32_t len;

    for (size_t i = 0; i < n; i++) {
        memcpy(&len, p, sizeof len);
        p += sizeof len;
        if (len == UINT32_MAX) {
            db_bind_null(q, (int)i + 1);
            continue;
        }
        len = be32toh(len);
        bind_value(q, (int)i + 1, types[i], p, len);
        p += len;
    }
    return (size_t)(p - r->bytes.data);
}
