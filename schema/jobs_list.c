/* GET /results. The cursor names the last row told (keyset), so that rows which come meanwhile
 * neither repeat nor hide others. Which index is walked is said here and not left to SQLite, which
 * has no statistics and cannot know what is few. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/jobs_internal.h"

#define LIMIT_MAX   500
#define ARGS_MAX    64
#define CURSOR_SIZE 80
#define FEW         1000
#define FEW_QUEUED  20000

/*    word             column          its index                   may be NULL  descending */
#define SORTS(X)                                                                                   \
    X("-submitted_at", "submitted_ms", "job_submitted", JOBS_SUBMITTED, false, true)               \
    X("submitted_at", "submitted_ms", "job_submitted", JOBS_SUBMITTED, false, false)               \
    X("-finished_at", "finished_ms", "job_finished", JOBS_FINISHED, true, true)                    \
    X("finished_at", "finished_ms", "job_finished", JOBS_FINISHED, true, false)                    \
    X("-duration_ms", "duration_ms", "job_duration", JOBS_DURATION, true, true)                    \
    X("duration_ms", "duration_ms", "job_duration", JOBS_DURATION, true, false)                    \
    X("-memory_bytes", "memory_bytes", "job_memory", JOBS_MEMORY, true, true)                      \
    X("memory_bytes", "memory_bytes", "job_memory", JOBS_MEMORY, true, false)

#define SORT_WORD(word, column, index, number, nullable, descending) word,
const char *const jobs_sorts[] = { SORTS(SORT_WORD) NULL };
#undef SORT_WORD

struct sort {
    const char *column, *index;
    enum jobs_column number;
    bool nullable, descending;
};
#define SORT_ROW(word, column, index, number, nullable, descending)                                \
    { column, index, number, nullable, descending },
static const struct sort sorts[] = { SORTS(SORT_ROW) };
#undef SORT_ROW

/* Where a page begins: behind row seq, whose value is `value`, or that has none. */
struct cursor {
    size_t sort;
    bool start; /* before the first row; nothing below counts */
    bool has_value;
    int64_t value, seq;
};

struct arg {
    const char *text; /* borrowed; NULL: number */
    size_t len;
    int64_t number;
};

/* An SQL text that grows together with its parameters. */
struct query {
    struct buf sql;
    struct arg args[ARGS_MAX];
    int args_len;
    bool failed; /* out of memory; said once, in prepare() */
};

PRINTF(2, 3) static void add(struct query *q, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    q->failed = buf_vprintf(&q->sql, fmt, ap) < 0 || q->failed;
    va_end(ap);
}

static void add_arg(struct query *q, struct arg a)
{
    if (q->args_len == ARGS_MAX)
        q->failed = true;
    else
        q->args[q->args_len++] = a;
}

static void add_number(struct query *q, const char *piece, int64_t number)
{
    add(q, "%s", piece);
    add_arg(q, (struct arg){ .number = number });
}

static void add_text(struct query *q, const char *piece, const char *text, size_t len)
{
    add(q, "%s", piece);
    add_arg(q, (struct arg){ .text = text, .len = len });
}

static struct db_stmt *prepare(struct db *d, struct query *q, struct err *e)
{
    if (q->failed) {
        (void)err_set(e, ERR_NOMEM, "list of results");
        return NULL;
    }
    struct db_stmt *s = db_prepare_once(d, q->sql.data, e);
    for (int i = 0; s && i < q->args_len; i++) {
        const struct arg *a = &q->args[i];
        if (a->text)
            db_bind_text_n(s, i + 1, a->text, a->len);
        else
            db_bind_int(s, i + 1, a->number);
    }
    return s;
}

/* ---- filters ---- */

/* Which verdicts a status may be, with tests or without. */
static bool may_read(const struct jobs_filter *f, enum verdict v, bool tests)
{
    return strcmp(verdict_status(v, f->set, tests), f->status_name) == 0;
}

/* A status is a verdict as one consumer reads it: several verdicts may read the same, and one may
 * read differently without tests. */
static void add_status(struct query *q, const struct jobs_filter *f)
{
    add(q, " AND (0");
    for (int v = 0; v < VERDICT_COUNT; v++) {
        for (int tests = 0; tests < 2; tests++) {
            if (!may_read(f, (enum verdict)v, tests != 0))
                continue;
            const char *name = verdict_name((enum verdict)v);
            add_text(q, " OR (verdict = ?", name, strlen(name));
            add(q, " AND (tests_total > 0) = %d)", tests);
        }
    }
    add(q, ")");
}

/* [prefix, the first text behind all that begin with it): bytes, so that % and _ are themselves.
 * A last byte of 255 is in no id, and one more of it is 0: no row, which is right. upper has room
 * for the prefix and its NUL. */
static void add_prefix(struct query *q, const char *prefix, char *upper)
{
    size_t len = strlen(prefix);

    if (len == 0)
        return;
    memcpy(upper, prefix, len + 1);
    upper[len - 1] = (char)((unsigned char)upper[len - 1] + 1);
    add_text(q, " AND id >= ?", prefix, len);
    add_text(q, " AND id < ?", upper, len);
}

static void add_filters(struct query *q, const struct jobs_filter *f, char *upper)
{
    if (f->state >= 0)
        add(q, " AND state = %d", f->state); /* a literal: the partial indexes need to see it */
    if (f->status >= 0) {
        const char *name = verdict_name((enum verdict)f->status);
        add_text(q, " AND verdict = ?", name, strlen(name));
    }
    if (f->status_name)
        add_status(q, f);
    if (f->language)
        add_text(q, " AND language = ?", f->language, strlen(f->language));
    if (f->since_ms != 0)
        add_number(q, " AND submitted_ms >= ?", f->since_ms);
    if (f->until_ms != 0)
        add_number(q, " AND submitted_ms < ?", f->until_ms);
    if (f->id_prefix)
        add_prefix(q, f->id_prefix, upper);
}

/* ---- the few rows that a filter may leave, found by an index of its own: to sort them beats
 * walking the sort's index from end to end ---- */

/* Writes a query that gives the seq of each. */
typedef void write_few_fn(struct query *q, const struct jobs_filter *f, char *upper);

static void write_prefixed(struct query *q, const struct jobs_filter *f, char *upper)
{
    add(q, "SELECT seq FROM job INDEXED BY job_id WHERE 1");
    add_prefix(q, f->id_prefix, upper);
}

static void write_judged(struct query *q, const struct jobs_filter *f, char *upper)
{
    (void)upper;
    add(q, "SELECT seq FROM job INDEXED BY job_verdict WHERE verdict IN (''");
    for (int v = 0; v < VERDICT_COUNT; v++) {
        const char *name = verdict_name((enum verdict)v);
        if (f->status_name
                ? may_read(f, (enum verdict)v, true) || may_read(f, (enum verdict)v, false)
                : v == f->status)
            add_text(q, ", ?", name, strlen(name));
    }
    add(q, ")");
}

/* Every row is queued, running or finished. */
static void write_in_language(struct query *q, const struct jobs_filter *f, char *upper)
{
    static const char *const parts[] = {
        "SELECT seq FROM job INDEXED BY job_queued WHERE state = 0 AND language = ?",
        " UNION ALL SELECT seq FROM job INDEXED BY job_running WHERE state = 1 AND language = ?",
        (" UNION ALL SELECT seq FROM job INDEXED BY job_language WHERE finished_ms IS NOT NULL"
         " AND language = ?"),
    };

    (void)upper;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        add_text(q, parts[i], f->language, strlen(f->language));
}

static int are_few(struct db *d, write_few_fn *write, const struct jobs_filter *f, char *upper,
                   bool *ret_few, struct err *e)
{
    struct query q = { 0 };

    add(&q, "SELECT count(*) FROM (");
    write(&q, f, upper);
    add_number(&q, " LIMIT ?)", FEW + 1);
    CLEANUP(db_donep) struct db_stmt *s = prepare(d, &q, e);
    buf_clear(&q.sql);
    if (!s || db_step(s, e) < 0)
        return -1;
    *ret_few = db_int(s, 0) <= FEW;
    return 0;
}

/* *ret_few stays NULL where no filter leaves few. */
static int find_few(struct db *d, const struct jobs_filter *f, char *upper, write_few_fn **ret_few,
                    struct err *e)
{
    const struct {
        bool given;
        write_few_fn *write;
    } rows[] = {
        { f->id_prefix && f->id_prefix[0], write_prefixed },
        { f->status >= 0 || f->status_name, write_judged },
        { f->language, write_in_language },
    };
    bool few = false;

    for (size_t i = 0; i < ARRAY_LEN(rows) && !few; i++) {
        if (rows[i].given && are_few(d, rows[i].write, f, upper, &few, e) < 0)
            return -1;
        if (few)
            *ret_few = rows[i].write;
    }
    return 0;
}

/* ---- cursors ---- */

static void write_cursor(const struct cursor *c, char out[CURSOR_SIZE])
{
    (void)snprintf(out, CURSOR_SIZE, "%zu.%d.%" PRId64 ".%" PRId64, c->sort, c->has_value ? 1 : 0,
                   c->value, c->seq);
}

/* One number of a cursor and the character behind it. */
static int read_number(const char **at, char end, int64_t *ret_number)
{
    char *rest;

    errno = 0;
    *ret_number = strtoll(*at, &rest, 10);
    if (errno != 0 || rest == *at || *rest != end)
        return -1;
    *at = rest + 1;
    return 0;
}

/* Reads it back and writes it again: what differs is not ours. */
static int read_cursor(const char *text, size_t sort, struct cursor *ret_cursor, struct err *e)
{
    char again[CURSOR_SIZE];
    const char *at = text;
    int64_t number, has_value;
    struct cursor c = { 0 };

    if (read_number(&at, '.', &number) < 0 || read_number(&at, '.', &has_value) < 0 ||
        read_number(&at, '.', &c.value) < 0 || read_number(&at, '\0', &c.seq) < 0)
        return err_set(e, ERR_INPUT, "not a cursor of ours");
    c.sort = (size_t)number;
    c.has_value = has_value != 0;
    write_cursor(&c, again);
    if (strcmp(again, text) != 0 || c.sort >= ARRAY_LEN(sorts))
        return err_set(e, ERR_INPUT, "not a cursor of ours");
    if (c.sort != sort)
        return err_set(e, ERR_INPUT, "the cursor belongs to sort=%s", jobs_sorts[c.sort]);
    *ret_cursor = c;
    return 0;
}

/* ---- pages ---- */

struct page {
    const struct jobs_filter *filter;
    size_t sort;
    write_few_fn *few; /* where they come from, when a filter leaves few */
    bool few_queued;   /* so few that sorting them beats walking the sort's index */
    size_t limit;
    json_t *items;    /* owned by jobs_list() */
    struct cursor at; /* behind the last item */
    bool more;
    char *upper; /* room for the end of the prefix */
};

/* What a page may need, in this order. */
enum walk {
    TIES,   /* rows with the cursor's very value, behind its row */
    BEYOND, /* rows with a value behind it; all that have one when there is no cursor */
    WITHOUT /* rows that have no value, by age */
};

static void write_from(struct query *q, const struct page *p, enum walk w)
{
    add(q, "SELECT %s FROM job ", JOBS_COLUMNS);
    if (p->few) {
        add(q, "NOT INDEXED WHERE seq IN (");
        p->few(q, p->filter, p->upper);
        add(q, ") AND ");
    } else if (p->filter->state == JOB_RUNNING)
        add(q, "INDEXED BY job_running WHERE ");
    else if (p->filter->state == JOB_QUEUED && p->few_queued)
        add(q, "INDEXED BY job_queued WHERE ");
    else if (w == WITHOUT)
        add(q, "NOT INDEXED WHERE ");
    else
        add(q, "INDEXED BY %s WHERE ", sorts[p->sort].index);
}

static void write_walk(struct query *q, const struct page *p, enum walk w)
{
    const struct sort *s = &sorts[p->sort];
    const char *order = s->descending ? "DESC" : "ASC", *past = s->descending ? "<" : ">";

    write_from(q, p, w);
    add(q, "%s IS %s", s->column, w == WITHOUT ? "NULL" : "NOT NULL");
    if (!p->at.start && w != WITHOUT) {
        add(q, " AND %s %s ", s->column, w == TIES ? "=" : past);
        add_number(q, "?", p->at.value);
    }
    /* Rows of one value, or of none, go by their number; the cursor is in one of the two. */
    if (!p->at.start && w != BEYOND && p->at.has_value == (w == TIES)) {
        add(q, " AND seq %s ", past);
        add_number(q, "?", p->at.seq);
    }
    add_filters(q, p->filter, p->upper);
    if (w == BEYOND)
        add(q, " ORDER BY %s %s, seq %s", s->column, order, order);
    else
        add(q, " ORDER BY seq %s", order);
    add_number(q, " LIMIT ?", (int64_t)(p->limit - json_array_size(p->items)) + 1);
}

static int take_rows(struct page *p, struct db_stmt *s, enum walk w, int column, struct err *e)
{
    int n;

    while ((n = db_step(s, e)) > 0) {
        if (json_array_size(p->items) == p->limit) {
            p->more = true;
            return 0;
        }
        if (json_array_append_new(p->items, jobs_item_row(s, p->filter->set)) < 0)
            return err_set(e, ERR_NOMEM, "list of results");
        p->at = (struct cursor){ .sort = p->sort,
                                 .has_value = w != WITHOUT,
                                 .value = w != WITHOUT ? db_int(s, column) : 0,
                                 .seq = db_int(s, JOBS_SEQ) };
    }
    return n;
}

static int walk(struct db *d, struct page *p, enum walk w, struct err *e)
{
    struct query q = { 0 };

    if (p->more)
        return 0;
    write_walk(&q, p, w);
    CLEANUP(db_donep) struct db_stmt *s = prepare(d, &q, e);
    buf_clear(&q.sql);
    return s ? take_rows(p, s, w, (int)sorts[p->sort].number, e) : -1;
}

static int list(struct db *d, struct page *p, struct err *e)
{
    const struct jobs_filter *f = p->filter;
    bool start = p->at.start, has_value = p->at.has_value;

    if (find_few(d, f, p->upper, &p->few, e) < 0)
        return -1;
    if (has_value && walk(d, p, TIES, e) < 0)
        return -1;
    if ((start || has_value) && walk(d, p, BEYOND, e) < 0)
        return -1;
    return sorts[p->sort].nullable ? walk(d, p, WITHOUT, e) : 0;
}

static int find_sort(const char *word, size_t *ret_sort, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
        if (strcmp(word, jobs_sorts[i]) == 0) {
            *ret_sort = i;
            return 0;
        }
    }
    return err_set(e, ERR_INPUT, "no sort '%.60s'", word);
}

int jobs_list(struct jobs *j, const struct jobs_filter *f, json_t **ret_page, struct err *e)
{
    json_auto_t *items = json_array();
    struct jobs_counts counts;
    char next[CURSOR_SIZE], upper[SUBMISSION_ID_MAX + 1];
    struct page p = { .filter = f, .items = items, .at.start = true, .upper = upper };

    if (!items)
        return err_set(e, ERR_NOMEM, "list of results");
    if (f->id_prefix && strlen(f->id_prefix) > SUBMISSION_ID_MAX)
        return err_set(e, ERR_INPUT, "an id has at most %d bytes", SUBMISSION_ID_MAX);
    p.limit = f->limit < 1 ? 1 : f->limit > LIMIT_MAX ? LIMIT_MAX : (size_t)f->limit;
    if (find_sort(f->sort ? f->sort : "-submitted_at", &p.sort, e) < 0 ||
        (f->cursor && read_cursor(f->cursor, p.sort, &p.at, e) < 0))
        return -1;

    jobs_counts(j, &counts);
    p.few_queued = counts.queued <= FEW_QUEUED;
    struct db *d = jobs_reader_take(j);
    int rc = list(d, &p, e);
    jobs_reader_give(j, d);
    if (rc < 0)
        return -1;

    write_cursor(&p.at, next);
    json_t *page = json_pack("{s:O,s:s?}", "results", items, "next_cursor", p.more ? next : NULL);
    if (!page)
        return err_set(e, ERR_NOMEM, "list of results");
    *ret_page = page;
    return 0;
}
