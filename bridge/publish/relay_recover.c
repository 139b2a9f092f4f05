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

#define BATCH_ROWS     1000
#define SINCE_SLACK_MS ((int64_t)60 * 60 * 1000)
#define UNTIL_SLACK_MS ((int64_t)10 * 60 * 1000)
#define OPEN_NS        (60 * NS_PER_S) /* what others hold open must end, for ours may lie behind it */
#define MARKS_ROWS     2000            /* watermarks are stored after so many rows */
#define MARKS_NS       (5 * NS_PER_S) /* or so long */

/* ---- watermarks ---- */

void relay_mark(struct lane *l, const struct relay_row *row)
{
    size_t i = 0;

    while (i < l->marks_len && l->marks[i].partition != row->partition)
        i++;
    if (i == l->marks_len) {
        struct relay_mark *more = reallocarray(l->marks, i + 1, sizeof *more);
        if (!more)
            return; /* an older one makes the next look longer, no more */
        l->marks = more;
        more[l->marks_len++] = (struct relay_mark){ .partition = row->partition };
    }
    if (row->offset + 1 > l->marks[i].offset) {
        l->marks[i].offset = row->offset + 1;
        l->marks[i].dirty = true;
    }
}

static size_t dirty_marks(const struct lane *l, struct outbox_watermark *out)
{
    size_t n = 0;

    for (size_t i = 0; i < l->marks_len; i++) {
        if (l->marks[i].dirty)
            out[n++] = (struct outbox_watermark){ .topic = (char *)(uintptr_t)l->topic,
                                                  .partition = l->marks[i].partition,
                                                  .offset = l->marks[i].offset };
    }
    return n;
}

/* Transactions follow one another, so below what has been acknowledged nothing of ours is left
 * open. */
void relay_store_marks(struct lane *l)
{
    struct jobs_op op = { .kind = JOBS_WATERMARKS };
    int64_t now = clock_mono_ns();

    if (l->unmarked == 0 ||
        (!l->relay->stop && l->unmarked < MARKS_ROWS && now - l->marks_ns < MARKS_NS))
        return;
    CLEANUP(freep) struct outbox_watermark *list = calloc(l->marks_len + 1, sizeof *list);
    if (!list)
        return;
    op.u.watermarks.marks = list;
    op.u.watermarks.len = dirty_marks(l, list);
    if (op.u.watermarks.len > 0 && jobs_do(l->relay->jobs, &op, NULL) < 0)
        return; /* later, with the next */
    for (size_t i = 0; i < l->marks_len; i++)
        l->marks[i].dirty = false;
    l->unmarked = 0;
    l->marks_ns = now;
}

/* ---- where to look ---- */

/* The last watermark of the partition; its beginning when the topic has marks and this partition
 * has none; its end when the topic never had any. */
static int64_t start_of(const struct lane *l, const struct outbox_watermark *marks, size_t len,
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

/* No message of a row that waits is older than the oldest row, nor younger than the last time at
 * which one was sent; by the clocks of two hosts, where the broker sets the times. */
static int bound(struct lane *l, struct topic_reader *r, struct topic_span *spans, int32_t len,
                 struct err *e)
{
    int64_t rows = 0, oldest_ms = 0, sent_ms = l->looked ? 0 : outbox_stamped_ms(l->relay->jobs);

    outbox_counts(l->relay->jobs, &rows, &oldest_ms);
    if (oldest_ms > SINCE_SLACK_MS &&
        topic_reader_since(r, l->topic, spans, len, oldest_ms - SINCE_SLACK_MS, e) < 0)
        return -1;
    return sent_ms > 0 ? topic_reader_until(r, l->topic, spans, len, sent_ms + UNTIL_SLACK_MS, e)
                       : 0;
}

static int64_t rows_in_outbox(const struct lane *l)
{
    int64_t rows = 0, oldest = 0;

    outbox_counts(l->relay->jobs, &rows, &oldest);
    return rows;
}

/* ---- what is there ---- */

struct found {
    const char *table_id;
    struct buf numbers; /* int64_t each */
    int64_t messages;
    bool full; /* out of memory */
};

/* "TABLE:NUMBER" of this table to NUMBER, else -1. */
static int64_t number_of(const char *table_id, const char *header, size_t len)
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

static bool note_row(void *ctx, const rd_kafka_message_t *m)
{
    struct found *f = ctx;
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;

    f->messages++;
    if (rd_kafka_message_headers(m, &headers) ||
        rd_kafka_header_get_last(headers, "scrc-outbox", &value, &size) || !value)
        return true;
    int64_t number = number_of(f->table_id, value, size);
    if (number >= 0 && buf_add(&f->numbers, &number, sizeof number) < 0)
        f->full = true;
    return !f->full;
}

static int remove_found(struct lane *l, const struct found *f, struct err *e)
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

/* A topic that does not exist has a mark of its first partition, so that a later look knows that
 * the topic was ours to write. */
static int store_ends(struct lane *l, const struct topic_span *spans, int32_t len, struct err *e)
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

static int read_found(struct lane *l, struct topic_reader *r, struct topic_span *spans, int32_t len,
                      struct err *e)
{
    const struct topic_reader_query q = {
        .topic = l->topic, .spans = spans, .len = len, .open_ns = OPEN_NS
    };
    struct found f = { .table_id = jobs_table_id(l->relay->jobs) };
    int64_t before = rows_in_outbox(l);
    int result = bound(l, r, spans, len, e);

    if (result == 0)
        result = topic_reader_read(r, &q, note_row, &f, e);
    if (result == 0 && f.full)
        result = err_set(e, ERR_NOMEM, "look at %s", l->topic);
    if (result == 0)
        result = remove_found(l, &f, e);
    int64_t gone = f.numbers.len > 0 ? before - rows_in_outbox(l) : 0;
    buf_clear(&f.numbers);
    if (result < 0)
        return -1;
    gone = gone > 0 ? gone : 0; /* others may have come meanwhile */
    kafka_health_add(l->relay->tally, BRIDGE_ALREADY_SENT, gone);
    log_info("kafka_looked", log_s("topic", l->topic), log_i("waiting", before),
             log_i("messages_read", f.messages), log_i("already_sent", gone));
    return 0;
}

static int look(struct lane *l, const struct outbox_watermark *marks, size_t marks_len,
                struct err *e)
{
    CLEANUP(freep) struct topic_span *spans = NULL;
    struct topic_reader *r;
    int32_t len = 0;

    if (topic_reader_open(l->relay->config, &l->relay->stop, &r, e) < 0)
        return -1;
    int result = topic_reader_spans(r, l->topic, &spans, &len, e);
    for (int32_t p = 0; result == 0 && p < len; p++)
        spans[p].from = start_of(l, marks, marks_len, p, &spans[p]);
    if (result == 0 && rows_in_outbox(l) > 0)
        result = read_found(l, r, spans, len, e);
    if (result == 0)
        result = store_ends(l, spans, len, e);
    (void)topic_reader_free(r);
    return result;
}

/* What may be written and not be read is sent to all the same. */
static int note_look(struct lane *l, const struct err *e)
{
    if (e->kind == ERR_INPUT) {
        if (!l->unread)
            log_warning("kafka_not_read", log_s("topic", l->topic), log_s("error", e->msg),
                        log_s("means", "what was sent before a kill -9 may be sent once more"),
                        log_s("next", "give READ on the topic"));
        l->unread = true;
        return 0;
    }
    if (e->kind == ERR_UNAVAILABLE || e->kind == ERR_CANCELLED)
        log_debug("kafka_look", log_s("error", e->msg)); /* that it is away is said already */
    else
        log_warning("kafka_look", log_s("kind", err_kind_name(e->kind)), log_s("error", e->msg));
    return -1;
}

int relay_look(struct lane *l)
{
    struct outbox_watermark *marks = NULL;
    size_t len = 0;
    struct err e = { 0 };

    int result = outbox_watermarks(l->relay->jobs, &marks, &len, &e);
    if (result == 0)
        result = look(l, marks, len, &e);
    for (size_t i = 0; i < len; i++)
        free(marks[i].topic);
    free(marks);
    if (result < 0 && note_look(l, &e) < 0)
        return -1;
    l->looked = true;
    l->marks_len = 0;
    l->unmarked = 0;
    return 0;
}
