#include "schema/store/query.h"

#include <stdarg.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/store/db.h"

void query_add(struct query *q, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    q->failed = buf_vprintf(&q->sql, fmt, ap) < 0 || q->failed;
    va_end(ap);
}

static void add_arg(struct query *q, const char *piece, struct query_arg a)
{
    int before = (int)strcspn(piece, "?");

    query_add(q, "%.*s?%d%s", before, piece, q->args_len + 1, piece + before + 1);
    if (q->args_len == QUERY_ARGS_MAX)
        q->failed = true;
    else
        q->args[q->args_len++] = a;
}

void query_number(struct query *q, const char *piece, int64_t number)
{
    add_arg(q, piece, (struct query_arg){ .number = number });
}

void query_text(struct query *q, const char *piece, const char *text, size_t len)
{
    add_arg(q, piece, (struct query_arg){ .text = text, .len = len });
}

struct db_stmt *query_prepare(struct query *q, struct db *d, struct err *e)
{
    struct db_stmt *s = NULL;

    if (q->failed)
        (void)err_set(e, ERR_NOMEM, "a query");
    else
        s = db_prepare_once(d, q->sql.data, e);
    for (int i = 0; s && i < q->args_len; i++) {
        const struct query_arg *a = &q->args[i];
        if (a->text)
            db_bind_text_n(s, i + 1, a->text, a->len);
        else
            db_bind_int(s, i + 1, a->number);
    }
    buf_clear(&q->sql);
    return s;
}
