#include "schema/store/jobs_filter.h"

#include <stdint.h>
#include <string.h>

#include "schema/base/text.h"
#include "schema/store/db.h"
#include "schema/store/jobs_item.h"
#include "schema/store/query.h"

#define FEW 2000

/* ---- the current row ---- */

static bool column_is(struct db_stmt *s, enum jobs_column c, const char *want)
{
    size_t len;
    const char *text = db_text(s, (int)c, &len);

    return len == strlen(want) && memcmp(text, want, len) == 0;
}

/* A status is the word for a verdict in one status set: several verdicts may have the same word,
 * and one verdict may have another word without tests. */
static bool matches_verdict(struct db_stmt *s, const struct jobs_filter *f)
{
    enum verdict v;

    if (f->status < 0 && !f->status_name)
        return true;
    if (db_is_null(s, JOBS_VERDICT) || !verdict_from_name(db_text(s, JOBS_VERDICT, NULL), &v))
        return false;
    bool tests = db_int(s, JOBS_TOTAL) > 0;
    return (f->status < 0 || (int)v == f->status) &&
           (!f->status_name || strcmp(verdict_status(v, f->set, tests), f->status_name) == 0);
}

static bool has_labels(struct db_stmt *s, const struct jobs_filter *f)
{
    size_t len, i = 0;
    const char *labels = db_text(s, JOBS_LABELS, &len);

    while (i < f->labels_len && labels_have(labels, len, &f->labels[i]))
        i++;
    return i == f->labels_len;
}

bool jobs_filter_wants(const struct jobs_filter *f, struct db_stmt *s)
{
    int64_t submitted_ms = db_int(s, JOBS_SUBMITTED);

    return (f->state < 0 || db_int(s, JOBS_STATE) == f->state) && matches_verdict(s, f) &&
           (!f->language || column_is(s, JOBS_LANGUAGE, f->language)) &&
           (f->since_ms == 0 || submitted_ms >= f->since_ms) &&
           (f->until_ms == 0 || submitted_ms < f->until_ms) &&
           (!f->id_prefix ||
            strncmp(db_text(s, JOBS_ID, NULL), f->id_prefix, strlen(f->id_prefix)) == 0) &&
           has_labels(s, f);
}

/* ---- queries of few rows, each by the index of its filter ---- */

/* The bytes of the prefix that are whole characters: a database takes no others. */
static size_t whole_characters(const char *prefix)
{
    size_t len = strlen(prefix);

    while (len > 0 && !text_is_utf8(prefix, len))
        len--;
    return len;
}

/* The range from the prefix up to the prefix with the last of all characters. Not LIKE, where % and
 * _ have a meaning. It holds all ids with the prefix, and may hold others. upper: a buffer for the
 * prefix, that character and a NUL. */
static void write_id_range(struct query *q, const struct jobs_filter *f, char *upper)
{
    size_t len = whole_characters(f->id_prefix);

    memcpy(upper, f->id_prefix, len);
    memcpy(upper + len, JOBS_LAST_CHARACTER, sizeof JOBS_LAST_CHARACTER);
    query_text(q, "SELECT seq FROM job INDEXED BY job_id WHERE id >= ?", f->id_prefix, len);
    query_text(q, " AND id <= ?", upper, len + sizeof JOBS_LAST_CHARACTER - 1);
}

/* Whether rows of this verdict can match, with tests or without. */
static bool may_match_verdict(const struct jobs_filter *f, enum verdict v)
{
    if (f->status >= 0 && (int)v != f->status)
        return false;
    return !f->status_name || strcmp(verdict_status(v, f->set, true), f->status_name) == 0 ||
           strcmp(verdict_status(v, f->set, false), f->status_name) == 0;
}

const char *jobs_filter_verdict(const struct jobs_filter *f)
{
    const char *only = NULL;

    if (f->state == JOB_CANCELLED)
        return verdict_name(VERDICT_NONE);
    if (f->status < 0 && !f->status_name)
        return NULL;
    for (int v = 0; v < VERDICT_COUNT; v++) {
        if (!may_match_verdict(f, (enum verdict)v))
            continue;
        if (only)
            return NULL;
        only = verdict_name((enum verdict)v);
    }
    return only;
}

static void write_verdicts(struct query *q, const struct jobs_filter *f, char *upper)
{
    (void)upper;
    query_add(q, "SELECT seq FROM job INDEXED BY job_verdict WHERE verdict IN (''");
    for (int v = 0; v < VERDICT_COUNT; v++) {
        const char *name = verdict_name((enum verdict)v);
        if (may_match_verdict(f, (enum verdict)v))
            query_text(q, ", ?", name, strlen(name));
    }
    query_add(q, ")");
}

static void write_cancelled(struct query *q, const struct jobs_filter *f, char *upper)
{
    const char *name = verdict_name(VERDICT_NONE);

    (void)f;
    (void)upper;
    query_text(q, "SELECT seq FROM job INDEXED BY job_verdict WHERE verdict = ?", name,
               strlen(name));
}

/* Three indexes together hold all rows: each is queued, running or final. */
static void write_language(struct query *q, const struct jobs_filter *f, char *upper)
{
    static const char *const parts[] = {
        "SELECT seq FROM job INDEXED BY job_queued WHERE state = 0 AND language = ?",
        " UNION ALL SELECT seq FROM job INDEXED BY job_running WHERE state = 1 AND language = ?",
        (" UNION ALL SELECT seq FROM job INDEXED BY job_language WHERE finished_ms IS NOT NULL"
         " AND language = ?"),
    };

    (void)upper;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        query_text(q, parts[i], f->language, strlen(f->language));
}

static void write_label(struct query *q, const struct jobs_filter *f, char *upper)
{
    const char *label = f->labels[f->rarest].label;

    (void)upper;
    query_text(q, "SELECT job_seq FROM job_label WHERE label = ?", label, strlen(label));
}

static void write_submitted_range(struct query *q, const struct jobs_filter *f, char *upper)
{
    (void)upper;
    query_number(q, "SELECT seq FROM job INDEXED BY job_submitted WHERE submitted_ms >= ?",
                 f->since_ms ? f->since_ms : INT64_MIN);
    query_number(q, " AND submitted_ms < ?", f->until_ms ? f->until_ms : INT64_MAX);
}

#define UNFINISHED_ROWS                                                                            \
    "SELECT seq FROM job INDEXED BY job_queued WHERE state = 0"                                    \
    " UNION ALL SELECT seq FROM job INDEXED BY job_running WHERE state = 1"

void jobs_filter_unfinished(struct query *q, const struct jobs_filter *f, char *upper)
{
    (void)f;
    (void)upper;
    query_add(q, UNFINISHED_ROWS);
}

void jobs_filter_unmeasured(struct query *q, const struct jobs_filter *f, char *upper)
{
    (void)f;
    (void)upper;
    query_add(q, UNFINISHED_ROWS " UNION ALL SELECT seq FROM job INDEXED BY job_unmeasured"
                                 " WHERE finished_ms IS NOT NULL AND duration_ms IS NULL");
}

/* Counts up to FEW + 1. */
static int count_some(struct db *d, jobs_filter_query_fn *write, const struct jobs_filter *f,
                      char *upper, int64_t *ret_rows, struct err *e)
{
    struct query q = { 0 };

    query_add(&q, "SELECT count(*) FROM (");
    write(&q, f, upper);
    query_number(&q, " LIMIT ?) AS few", FEW + 1);
    CLEANUP(db_donep) struct db_stmt *s = query_prepare(&q, d, e);
    if (!s || db_step(s, e) < 0)
        return -1;
    *ret_rows = db_int(s, 0);
    return 0;
}

int jobs_filter_find_rarest(struct db *d, struct jobs_filter *f, struct err *e)
{
    int64_t rows, fewest = INT64_MAX;
    size_t rarest = 0;

    for (size_t i = 0; f->labels_len > 1 && i < f->labels_len; i++) {
        f->rarest = i;
        if (count_some(d, write_label, f, NULL, &rows, e) < 0)
            return -1;
        if (rows < fewest) {
            fewest = rows;
            rarest = i;
        }
    }
    f->rarest = rarest;
    return 0;
}

bool jobs_filter_is_unfinished(const struct jobs_filter *f)
{
    return f->state == JOB_QUEUED || f->state == JOB_RUNNING;
}

int jobs_filter_find_few(struct db *d, const struct jobs_filter *f, jobs_filter_query_fn *without,
                         char *upper, jobs_filter_query_fn **ret_few, struct err *e)
{
    const struct {
        bool given;
        jobs_filter_query_fn *write;
    } rows[] = {
        { f->id_prefix && whole_characters(f->id_prefix) > 0, write_id_range },
        { f->labels_len > 0, write_label },
        { f->status >= 0 || f->status_name, write_verdicts },
        { jobs_filter_is_unfinished(f), jobs_filter_unfinished },
        { f->state == JOB_CANCELLED, write_cancelled },
        { f->since_ms || f->until_ms, write_submitted_range },
        { f->language, write_language },
        { without, without },
    };
    int64_t found = INT64_MAX;

    for (size_t i = 0; i < ARRAY_LEN(rows) && found > FEW; i++) {
        if (rows[i].given && count_some(d, rows[i].write, f, upper, &found, e) < 0)
            return -1;
        if (found <= FEW)
            *ret_few = rows[i].write;
    }
    return 0;
}
