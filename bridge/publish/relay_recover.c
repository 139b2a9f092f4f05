#include <stdlib.h>
#include <string.h>

#include "bridge/kafka/kafka_health.h"
#include "bridge/kafka/topic_reader.h"
#include "bridge/publish/relay_internal.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/jobs.h"
#include "schema/store/outbox.h"

#define BATCH_ROWS      1000
#define SINCE_SLACK_MS  ((int64_t)60 * 60 * 1000)
#define UNTIL_SLACK_MS  ((int64_t)10 * 60 * 1000)
#define OPEN_NS         (60 * NS_PER_S) /* for open transactions: our rows may lie behind them */
#define WATERMARKS_ROWS 2000            /* watermarks are stored after so many rows, */
#define WATERMARKS_NS   (5 * NS_PER_S)  /* or after so long */

/* ---- watermarks ---- */

void relay_add_watermark(struct lane *l, const struct relay_row *row)
{
    size_t i = 0;

    while (i < l->watermarks_len && l->watermarks[i].partition != row->partition)
        i++;
    if (i == l->watermarks_len) {
        struct relay_watermark *more = reallocarray(l->watermarks, i + 1, sizeof *more);
        if (!more)
            return; /* with an older watermark the next recovery only takes longer */
        l->watermarks = more;
        more[l->watermarks_len++] = (struct relay_watermark){ .partition = row->partition };
    }
    if (row->offset + 1 > l->watermarks[i].offset) {
        l->watermarks[i].offset = row->offset + 1;
        l->watermarks[i].dirty = true;
    }
}

static size_t list_dirty_watermarks(const struct lane *l, struct outbox_watermark *out)
{
    size_t n = 0;

    for (size_t i = 0; i < l->watermarks_len; i++) {
        if (l->watermarks[i].dirty)
            out[n++] = (struct outbox_watermark){ .topic = (char *)(uintptr_t)l->topic,
                                                  .partition = l->watermarks[i].partition,
                                                  .offset = l->watermarks[i].offset };
    }
    return n;
}

/* A lane has one transaction at a time, so none of ours is open below an acknowledged row. */
void relay_store_watermarks(struct lane *l)
{
    struct jobs_op op = { .kind = JOBS_WATERMARKS };
    int64_t now = clock_mono_ns();

    if (l->rows_since_stored == 0 || (!l->relay->stop && l->rows_since_stored < WATERMARKS_ROWS &&
                                      now - l->watermarks_ns < WATERMARKS_NS))
        return;
    CLEANUP(freep) struct outbox_watermark *list = calloc(l->watermarks_len + 1, sizeof *list);
    if (!list)
        return;
    op.u.watermarks.marks = list;
    op.u.watermarks.len = list_dirty_watermarks(l, list);
    if (op.u.watermarks.len > 0 && jobs_do(l->relay->jobs, &op, NULL) < 0)
        return; /* tried again later */
    for (size_t i = 0; i < l->watermarks_len; i++)
        l->watermarks[i].dirty = false;
    l->rows_since_stored = 0;
    l->watermarks_ns = now;
}

/* ---- the range to read ---- */

/* Where to begin: the stored watermark of the partition; its beginning if only other partitions of
 * the topic have one; its end if the topic has none. */
static int64_t find_start(const struct lane *l, const struct outbox_watermark *marks, size_t len,
                          int32_t partition, const struct topic_span *whole)
{
    int64_t start = whole->high;

    for (size_t i = 0; i < len; i++) {
        if (strcmp(marks[i].topic, l->topic) != 0)
            continue;
        if (marks[i].partition == partition)
            return marks[i].offset > whole->from ? marks[i].offset : whole->from;
        start = whole->from;
    }
    return start;
}

/* No message of a waiting row is older than the oldest row, or younger than the time at which a row
 * was sent last. The slack is for a broker that sets times by its own clock. */
static int limit_spans_by_time(struct lane *l, struct topic_reader *r, struct topic_span *spans,
                               int32_t len, struct err *e)
{
    int64_t rows = 0, oldest_ms = 0, sent_ms = l->recovered ? 0 : outbox_stamped_ms(l->relay->jobs);

    outbox_counts(l->relay->jobs, &rows, &oldest_ms);
    if (oldest_ms > SINCE_SLACK_MS &&
        topic_reader_since(r, l->topic, spans, len, oldest_ms - SINCE_SLACK_MS, e) < 0)
        return -1;
    return sent_ms > 0 ? topic_reader_until(r, l->topic, spans, len, sent_ms + UNTIL_SLACK_MS, e)
                       : 0;
}

static int64_t count_outbox_rows(const struct lane *l)
{
    int64_t rows = 0, oldest = 0;

    outbox_counts(l->relay->jobs, &rows, &oldest);
    return rows;
}

/* ---- rows on the topic ---- */

struct found_rows {
    const char *table_id;
    struct buf numbers; /* int64_t each */
    int64_t messages;
    bool failed; /* out of memory */
};

/* The number of a header "TABLE:NUMBER" of this table, else -1. */
static int64_t read_row_number(const char *table_id, const char *header, size_t len)
{
    size_t id_len = strlen(table_id);
    int64_t number = 0;

    if (len <= id_len + 1 || len > id_len + 19 || memcmp(header, table_id, id_len) != 0 ||
        header[id_len] != ':')
        return -1;
    for (size_t i = id_len + 1; i < len; i++) {
        if (header[i] < '0' || header[i] > '9')
            return -1;
        number = number * 10 + (header[i] - '0');
    }
    return number;
}

static bool add_found_row(void *ctx, const rd_kafka_message_t *m)
{
    struct found_rows *f = ctx;
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;

    f->messages++;
    if (rd_kafka_message_headers(m, &headers) ||
        rd_kafka_header_get_last(headers, "scrc-outbox", &value, &size) || !value)
        return true;
    int64_t number = read_row_number(f->table_id, value, size);
    if (number >= 0 && buf_add(&f->numbers, &number, sizeof number) < 0)
        f->failed = true;
    return !f->failed;
}

static int delete_found_rows(struct lane *l, const struct found_rows *f, struct err *e)
{
    size_t len = f->numbers.len / sizeof(int64_t);
    const int64_t *numbers = (const int64_t *)(const void *)f->numbers.data;

    for (size_t i = 0; i < len; i += BATCH_ROWS) {
        struct jobs_op op = { .kind = JOBS_SENT };
        op.u.sent.numbers = numbers + i;
        op.u.sent.len = len - i < BATCH_ROWS ? len - i : BATCH_ROWS;
        if (jobs_do(l->relay->jobs, &op, e) < 0)
            return -1;
    }
    return 0;
}

/* A topic that does not exist gets a watermark of its first partition, so that a later recovery
 * knows that rows may have been sent to it. */
static int store_end_watermarks(struct lane *l, const struct topic_span *spans, int32_t len,
                                struct err *e)
{
    struct jobs_op op = { .kind = JOBS_WATERMARKS };
    size_t n = len > 0 ? (size_t)len : 1;
    CLEANUP(freep) struct outbox_watermark *list = calloc(n, sizeof *list);

    if (!list)
        return err_set(e, ERR_NOMEM, "watermarks of %s", l->topic);
    for (size_t p = 0; p < n; p++)
        list[p] = (struct outbox_watermark){ .topic = (char *)(uintptr_t)l->topic,
                                             .partition = (int32_t)p,
                                             .offset = len > 0 ? spans[p].high : 0 };
    op.u.watermarks.marks = list;
    op.u.watermarks.len = n;
    return jobs_do(l->relay->jobs, &op, e);
}

static int delete_rows_on_topic(struct lane *l, struct topic_reader *r, struct topic_span *spans,
                                int32_t len, struct err *e)
{
    const struct topic_reader_query q = {
        .topic = l->topic, .spans = spans, .len = len, .open_ns = OPEN_NS
    };
    struct found_rows f = { .table_id = jobs_table_id(l->relay->jobs) };
    int64_t before = count_outbox_rows(l);
    int result = limit_spans_by_time(l, r, spans, len, e);

    if (result == 0)
        result = topic_reader_read(r, &q, add_found_row, &f, e);
    if (result == 0 && f.failed)
        result = err_set(e, ERR_NOMEM, "look at %s", l->topic);
    if (result == 0)
        result = delete_found_rows(l, &f, e);
    int64_t deleted = f.numbers.len > 0 ? before - count_outbox_rows(l) : 0;
    buf_clear(&f.numbers);
    if (result < 0)
        return -1;
    deleted = deleted > 0 ? deleted : 0; /* negative if more rows were added meanwhile */
    kafka_health_add(l->relay->health, BRIDGE_ALREADY_SENT, deleted);
    log_info("kafka_looked", log_s("topic", l->topic), log_i("waiting", before),
             log_i("messages_read", f.messages), log_i("already_sent", deleted));
    return 0;
}

static int recover_rows(struct lane *l, const struct outbox_watermark *marks, size_t marks_len,
                        struct err *e)
{
    CLEANUP(freep) struct topic_span *spans = NULL;
    struct topic_reader *r;
    int32_t len = 0;

    if (topic_reader_open(l->relay->config, &l->relay->stop, &r, e) < 0)
        return -1;
    int result = topic_reader_spans(r, l->topic, &spans, &len, e);
    for (int32_t p = 0; result == 0 && p < len; p++)
        spans[p].from = find_start(l, marks, marks_len, p, &spans[p]);
    if (result == 0 && count_outbox_rows(l) > 0)
        result = delete_rows_on_topic(l, r, spans, len, e);
    if (result == 0)
        result = store_end_watermarks(l, spans, len, e);
    (void)topic_reader_free(r);
    return result;
}

/* Logs the error. 0: it is sent without recovery, because we have no right to read the topic. */
static int handle_recover_error(struct lane *l, const struct err *e)
{
    if (e->kind == ERR_INPUT) {
        if (!l->read_refused)
            log_warning("kafka_not_read", log_s("topic", l->topic), log_s("error", e->msg),
                        log_s("means", "what was sent before a kill -9 may be sent once more"),
                        log_s("next", "give READ on the topic"));
        l->read_refused = true;
        return 0;
    }
    if (e->kind == ERR_UNAVAILABLE)
        relay_set_problem(l, RD_KAFKA_RESP_ERR_NO_ERROR, e->msg);
    else if (e->kind != ERR_CANCELLED)
        log_warning("kafka_look", log_s("kind", err_kind_name(e->kind)), log_s("error", e->msg));
    return -1;
}

int relay_recover(struct lane *l)
{
    struct outbox_watermark *marks = NULL;
    size_t len = 0;
    struct err e = { 0 };

    int result = outbox_watermarks(l->relay->jobs, &marks, &len, &e);
    if (result == 0)
        result = recover_rows(l, marks, len, &e);
    for (size_t i = 0; i < len; i++)
        free(marks[i].topic);
    free(marks);
    if (result < 0 && handle_recover_error(l, &e) < 0)
        return -1;
    l->recovered = true;
    l->watermarks_len = 0;
    l->rows_since_stored = 0;
    return 0;
}
