/* GET /results. The cursor names the last row that was read (keyset pagination), so that new rows
 * neither repeat nor hide others. INDEXED BY says which index is scanned, because SQLite has no
 * statistics and cannot know which filter leaves few rows. The cost of a page does not depend on
 * the size of the table: if few of the scanned rows match, it ends early with a cursor to continue.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/store/jobs_filter.h"
#include "schema/store/jobs_item.h"
#include "schema/store/jobs_read.h"
#include "schema/store/jobs_table.h"
#include "schema/store/jobs_total.h"
#include "schema/store/query.h"

#define LIMIT_MAX   500
#define CURSOR_SIZE 80
#define ROWS_MAX    10000 /* that one page reads */

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

struct list_sort {
    const char *column, *index;
    enum jobs_column number;
    bool nullable, descending;
};
#define SORT_ROW(word, column, index, number, nullable, descending)                                \
    { column, index, number, nullable, descending },
static const struct list_sort sorts[] = { SORTS(SORT_ROW) };
#undef SORT_ROW

/* A page begins behind row seq; `value` is the row's value of the sort, if it has one. */
struct list_cursor {
    size_t sort;
    bool start; /* before the first row; the fields below are not set */
    bool has_value;
    int64_t value, seq;
};

/* ---- cursors ---- */

static void write_cursor(const struct list_cursor *c, char out[CURSOR_SIZE])
{
    (void)snprintf(out, CURSOR_SIZE, "%zu.%d.%" PRId64 ".%" PRId64, c->sort, c->has_value ? 1 : 0,
                   c->value, c->seq);
}

/* One number of a cursor and the character behind it. */
static int read_cursor_number(const char **at, char end, int64_t *ret_number)
{
    char *rest;

    errno = 0;
    *ret_number = strtoll(*at, &rest, 10);
    if (errno != 0 || rest == *at || *rest != end)
        return -1;
    *at = rest + 1;
    return 0;
}

/* Writes what was read again and compares: another text was not written by write_cursor(). */
static int read_cursor(const char *text, size_t sort, struct list_cursor *ret_cursor, struct err *e)
{
    char again[CURSOR_SIZE];
    const char *at = text;
    int64_t number, has_value;
    struct list_cursor c = { 0 };

    if (read_cursor_number(&at, '.', &number) < 0 || read_cursor_number(&at, '.', &has_value) < 0 ||
        read_cursor_number(&at, '.', &c.value) < 0 || read_cursor_number(&at, '\0', &c.seq) < 0)
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

struct list_page {
    const struct jobs_filter *filter;
    size_t sort;
    size_t limit;
    json_t *items;         /* owned by jobs_list() */
    struct list_cursor at; /* the last row that was read */
    int64_t looked_at;
    bool more;
    char *upper;               /* buffer for the end of the id prefix's range */
    jobs_filter_query_fn *few; /* of few rows that contains all matches; NULL: there is none */
};

/* A page runs up to three queries, in this order. */
enum list_step {
    STEP_TIES,    /* rows with the cursor's value, behind the cursor's row */
    STEP_BEYOND,  /* rows with a value behind the cursor's; without a cursor all with a value */
    STEP_UNVALUED /* rows without a value, by age */
};

/* Rows in the order of a label's entries: one after the other in PostgreSQL too, which would else
 * read whole tables to join them. */
#define LABEL_ROWS                                                                                 \
    "job_label CROSS JOIN /*pg LATERAL (SELECT * FROM */ job /*pg WHERE seq = job_seq LIMIT 1)"    \
    " AS job */ WHERE seq = job_seq AND label = ? AND "

static bool scans_label(const struct list_page *p, jobs_filter_query_fn *few)
{
    return !few && p->filter->labels_len > 0 && sorts[p->sort].number == JOBS_SUBMITTED;
}

/* The columns of the index that is scanned. */
struct list_columns {
    const char *value, *seq;
};

static struct list_columns scanned_columns(const struct list_page *p, jobs_filter_query_fn *few)
{
    if (scans_label(p, few))
        return (struct list_columns){ "submitted", "job_seq" };
    return (struct list_columns){ sorts[p->sort].column, "seq" };
}

static void write_rows(struct query *q, const struct list_page *p, enum list_step step,
                       jobs_filter_query_fn *few)
{
    const struct list_sort *s = &sorts[p->sort];
    const char *verdict = s->number == JOBS_SUBMITTED ? jobs_filter_verdict(p->filter) : NULL;

    query_add(q, "SELECT %s FROM ", JOBS_COLUMNS);
    if (scans_label(p, few)) {
        const char *label = p->filter->labels[p->filter->rarest].label;
        query_text(q, LABEL_ROWS, label, strlen(label));
    } else if (few || step == STEP_UNVALUED) {
        query_add(q, "job NOT INDEXED WHERE ");
    } else if (verdict) {
        query_text(q, "job INDEXED BY job_verdict WHERE verdict = ? AND ", verdict,
                   strlen(verdict));
    } else {
        query_add(q, "job INDEXED BY %s WHERE ", s->index);
    }
}

/* few: the query of few rows that contains all matches; NULL: there is none. WHERE contains only
 * ranges of the scanned index and no filter, so that each returned row costs the same and
 * take_rows() can bound them. Rows without a value are separated there too. */
static void write_source(struct query *q, const struct list_page *p, enum list_step step,
                         jobs_filter_query_fn *few)
{
    const char *column = scanned_columns(p, few).value;
    bool by_age = sorts[p->sort].number == JOBS_SUBMITTED;

    write_rows(q, p, step, few);
    if (few) {
        query_add(q, "seq IN (");
        few(q, p->filter, p->upper);
        query_add(q, ") AND ");
    }
    query_add(q, step == STEP_UNVALUED ? "1 = 1" : "%s IS NOT NULL", column);
    if (by_age && p->filter->since_ms != 0) {
        query_add(q, " AND %s >= ", column);
        query_number(q, "?", p->filter->since_ms);
    }
    if (by_age && p->filter->until_ms != 0) {
        query_add(q, " AND %s < ", column);
        query_number(q, "?", p->filter->until_ms);
    }
}

static void write_step(struct query *q, const struct list_page *p, enum list_step step,
                       jobs_filter_query_fn *few)
{
    const struct list_sort *s = &sorts[p->sort];
    const struct list_columns columns = scanned_columns(p, few);
    const char *order = s->descending ? "DESC" : "ASC", *past = s->descending ? "<" : ">";

    write_source(q, p, step, few);
    if (!p->at.start && step != STEP_UNVALUED) {
        query_add(q, " AND %s %s ", columns.value, step == STEP_TIES ? "=" : past);
        query_number(q, "?", p->at.value);
    }
    /* Rows with one value, or with none, are ordered by seq. */
    if (!p->at.start && step != STEP_BEYOND && p->at.has_value == (step == STEP_TIES)) {
        query_add(q, " AND %s %s ", columns.seq, past);
        query_number(q, "?", p->at.seq);
    }
    if (step == STEP_BEYOND)
        query_add(q, " ORDER BY %s %s, %s %s", columns.value, order, columns.seq, order);
    else
        query_add(q, " ORDER BY %s %s", columns.seq, order);
}

/* Ends when the page is full, or after ROWS_MAX rows: then the page is short, and the next one
 * continues from there. */
static int take_rows(struct list_page *p, struct db_stmt *s, enum list_step step, struct err *e)
{
    int column = (int)sorts[p->sort].number, n;

    while ((n = db_step(s, e)) > 0) {
        bool wanted =
            db_is_null(s, column) == (step == STEP_UNVALUED) && jobs_filter_wants(p->filter, s);
        if (p->looked_at++ == ROWS_MAX || (wanted && json_array_size(p->items) == p->limit)) {
            p->more = true;
            return 0;
        }
        if (wanted && json_array_append_new(p->items, jobs_item_row(s, p->filter->set)) < 0)
            return err_set(e, ERR_NOMEM, "list of results");
        p->at = (struct list_cursor){ .sort = p->sort,
                                      .has_value = step != STEP_UNVALUED,
                                      .value = step != STEP_UNVALUED ? db_int(s, column) : 0,
                                      .seq = db_int(s, JOBS_SEQ) };
    }
    return n;
}

static int list_rows(struct db *d, struct list_page *p, enum list_step step,
                     jobs_filter_query_fn *few, struct err *e)
{
    struct query q = { 0 };

    if (p->more)
        return 0;
    write_step(&q, p, step, few);
    CLEANUP(db_donep) struct db_stmt *s = query_prepare(&q, d, e);
    return s ? take_rows(p, s, step, e) : -1;
}

static int list_unvalued(struct db *d, struct list_page *p, struct err *e)
{
    const struct list_sort *s = &sorts[p->sort];
    jobs_filter_query_fn *few = p->few;

    if (p->more || !s->nullable)
        return 0;
    if (!few && jobs_filter_find_few(d, p->filter,
                                     s->number == JOBS_FINISHED ? jobs_filter_unfinished
                                                                : jobs_filter_unmeasured,
                                     p->upper, &few, e) < 0)
        return -1;
    return list_rows(d, p, STEP_UNVALUED, few, e);
}

/* First the rows with the cursor's value, then those behind it. */
static int list_valued(struct db *d, struct list_page *p, struct err *e)
{
    const bool ties = p->at.has_value;

    if ((!p->at.start && !ties) ||
        (sorts[p->sort].nullable && jobs_filter_is_unfinished(p->filter)))
        return 0;
    if (ties && list_rows(d, p, STEP_TIES, p->few, e) < 0)
        return -1;
    return list_rows(d, p, STEP_BEYOND, p->few, e);
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
    int64_t total = JOBS_TOTAL_UNKNOWN;
    char next[CURSOR_SIZE], upper[SUBMISSION_ID_MAX + sizeof JOBS_LAST_CHARACTER];
    struct jobs_filter own = *f;
    struct list_page p = { .filter = &own, .items = items, .at.start = true, .upper = upper };

    if (!items)
        return err_set(e, ERR_NOMEM, "list of results");
    if (f->id_prefix && strlen(f->id_prefix) > SUBMISSION_ID_MAX)
        return err_set(e, ERR_INPUT, "an id has at most %d bytes", SUBMISSION_ID_MAX);
    p.limit = f->limit < 1 ? 1 : f->limit > LIMIT_MAX ? LIMIT_MAX : (size_t)f->limit;
    if (find_sort(f->sort ? f->sort : "-submitted_at", &p.sort, e) < 0 ||
        (f->cursor && read_cursor(f->cursor, p.sort, &p.at, e) < 0))
        return -1;

    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = jobs_filter_find_rarest(d, &own, e) < 0 ||
                     jobs_filter_find_few(d, &own, NULL, upper, &p.few, e) < 0 ||
                     list_valued(d, &p, e) < 0 || list_unvalued(d, &p, e) < 0
                 ? -1
                 : jobs_total(j, d, &(struct jobs_total_rows){ &own, p.few, upper }, &total, e);
    jobs_readers_release(&j->readers, d);
    if (rc < 0)
        return -1;

    write_cursor(&p.at, next);
    json_t *page =
        json_pack("{s:O,s:s?,s:o}", "results", items, "next_cursor", p.more ? next : NULL, "total",
                  total == JOBS_TOTAL_UNKNOWN ? json_null() : json_integer(total));
    if (!page)
        return err_set(e, ERR_NOMEM, "list of results");
    *ret_page = page;
    return 0;
}
