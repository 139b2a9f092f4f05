#include "bridge/kafka/topic_reader.h"

#include <stdlib.h>

#include "bridge/kafka/bridge_config.h"
#include "bridge/kafka/handle.h"
#include "bridge/kafka/kafka_conf.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"

#define QUERY_MS   5000 /* timeout of one request to the broker */
#define POLL_MS    100
#define FEW        100             /* so many messages are read faster than an offset is found */
#define SILENCE_NS (15 * NS_PER_S) /* the longest wait for a message */

struct topic_reader {
    const atomic_bool *stop; /* borrowed */
    rd_kafka_t *messages;    /* isolation level read_committed */
    rd_kafka_t *ends;        /* read_uncommitted: a committed reader's end is where the oldest open
                                transaction begins, not the high watermark */
};

static int set_broker_error(struct err *e, const char *what, const char *topic,
                            rd_kafka_resp_err_t code)
{
    enum err_kind kind =
        code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ? ERR_INPUT : ERR_UNAVAILABLE;

    return err_set(e, kind, "%s of %s: %s", what, topic, rd_kafka_err2str(code));
}

/* ---- spans ---- */

static int query_partitions(struct topic_reader *r, const char *topic, int32_t *ret_len,
                            struct err *e)
{
    const struct rd_kafka_metadata *meta;
    rd_kafka_topic_t *t = rd_kafka_topic_new(r->ends, topic, NULL);

    if (!t)
        return err_set(e, ERR_NOMEM, "topic %s", topic);
    rd_kafka_resp_err_t code = rd_kafka_metadata(r->ends, 0, t, &meta, QUERY_MS);
    rd_kafka_topic_destroy(t);
    if (code)
        return set_broker_error(e, "the partitions", topic, code);
    code = meta->topic_cnt == 1 ? meta->topics[0].err : RD_KAFKA_RESP_ERR__BAD_MSG;
    *ret_len = code ? 0 : meta->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(meta);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
               ? 0
               : set_broker_error(e, "the partitions", topic, code);
}

int topic_reader_spans(struct topic_reader *r, const char *topic, struct topic_span **ret_spans,
                       int32_t *ret_len, struct err *e)
{
    int32_t len = 0;

    if (query_partitions(r, topic, &len, e) < 0)
        return -1;
    CLEANUP(freep) struct topic_span *spans = calloc((size_t)len + 1, sizeof *spans);
    if (!spans)
        return err_set(e, ERR_NOMEM, "read %s", topic);
    for (int32_t p = 0; p < len; p++) {
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
            r->ends, topic, p, &spans[p].from, &spans[p].high, QUERY_MS);
        if (code)
            return set_broker_error(e, "the end", topic, code);
        spans[p].end = spans[p].high;
    }
    *ret_spans = TAKE(spans);
    *ret_len = len;
    return 0;
}

/* For each span of more than FEW messages, the offset of its first message of that time or later;
 * its end when there is none. The caller destroys it; NULL with *e filled. */
static rd_kafka_topic_partition_list_t *find_offsets_of_time(struct topic_reader *r,
                                                             const char *topic,
                                                             const struct topic_span *spans,
                                                             int32_t len, int64_t ms, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(len);

    for (int32_t p = 0; p < len; p++) {
        if (spans[p].end - spans[p].from > FEW)
            rd_kafka_topic_partition_list_add(list, topic, p)->offset = ms;
    }
    rd_kafka_resp_err_t code = list->cnt > 0 ? rd_kafka_offsets_for_times(r->ends, list, QUERY_MS)
                                             : RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; !code && i < list->cnt; i++) {
        rd_kafka_topic_partition_t *t = &list->elems[i];
        code = t->err;
        if (t->offset < 0)
            t->offset = spans[t->partition].end;
    }
    if (!code)
        return list;
    rd_kafka_topic_partition_list_destroy(list);
    (void)set_broker_error(e, "a time", topic, code);
    return NULL;
}

int topic_reader_since(struct topic_reader *r, const char *topic, struct topic_span *spans,
                       int32_t len, int64_t ms, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = find_offsets_of_time(r, topic, spans, len, ms, e);

    if (!list)
        return -1;
    for (int i = 0; i < list->cnt; i++) {
        struct topic_span *s = &spans[list->elems[i].partition];
        if (list->elems[i].offset > s->from)
            s->from = list->elems[i].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return 0;
}

int topic_reader_until(struct topic_reader *r, const char *topic, struct topic_span *spans,
                       int32_t len, int64_t ms, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = find_offsets_of_time(r, topic, spans, len, ms + 1, e);

    if (!list)
        return -1;
    for (int i = 0; i < list->cnt; i++) {
        struct topic_span *s = &spans[list->elems[i].partition];
        if (list->elems[i].offset < s->end)
            s->end = list->elems[i].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return 0;
}

/* ---- reading ---- */

struct partition_span {
    int64_t end;
    bool reading;
    bool held; /* its committed messages are read, but it goes on with an open transaction */
};

struct reading {
    struct topic_reader *reader;
    const char *topic;
    topic_reader_fn *fn;
    void *ctx;
    rd_kafka_queue_t *queue;
    struct partition_span *parts; /* by partition */
    int32_t len;
    int32_t open, held; /* partitions still being read, and those of them that are held */
    int64_t open_ns;
    int64_t give_up_ns; /* when it gives up unless a message comes */
};

static void set_held(struct reading *r, struct partition_span *p, bool held)
{
    r->held += held - p->held;
    p->held = held;
}

/* A span whose last offset is a transaction marker, which is never delivered, ends with the
 * partition's EOF event. */
static void deliver_message(struct reading *r, const rd_kafka_message_t *m)
{
    struct partition_span *p =
        m->partition >= 0 && m->partition < r->len ? &r->parts[m->partition] : NULL;
    bool eof = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF, more;

    if (!p || !p->reading)
        return;
    if (eof)
        more = m->offset < p->end && r->open_ns > 0;
    else
        more = m->offset < p->end && r->fn(r->ctx, m) && m->offset + 1 < p->end;
    set_held(r, p, eof && more);
    p->reading = more;
    r->open -= !more;
}

static int handle_message(struct reading *r, const rd_kafka_message_t *m, struct err *e)
{
    if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return set_broker_error(e, "reading", r->topic, m->err);
    deliver_message(r, m);
    /* When only open transactions are left, it waits no longer than open_ns. */
    r->give_up_ns = clock_mono_ns() + (r->held < r->open ? SILENCE_NS : r->open_ns);
    return 0;
}

static int read_until_end(struct reading *r, struct err *e)
{
    r->give_up_ns = clock_mono_ns() + SILENCE_NS;
    while (r->open > 0) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(r->queue, POLL_MS);
        int result = 0;

        (void)rd_kafka_poll(r->reader->messages, 0);
        if (m) {
            result = handle_message(r, m, e);
            rd_kafka_message_destroy(m);
        }
        if (result < 0)
            return -1;
        if (*r->reader->stop)
            return err_set(e, ERR_CANCELLED, "reading of %s", r->topic);
        if (r->open > 0 && clock_mono_ns() > r->give_up_ns)
            return err_set(e, ERR_UNAVAILABLE, "%s is not read to its end: %s", r->topic,
                           r->held == r->open ? "a transaction of another producer is open there"
                                              : "the broker sends nothing");
    }
    return 0;
}

static int start_partitions(struct reading *r, rd_kafka_topic_t *t, const struct topic_span *spans,
                            struct err *e)
{
    for (int32_t p = 0; p < r->len; p++) {
        if (spans[p].from >= spans[p].end)
            continue;
        if (rd_kafka_consume_start_queue(t, p, spans[p].from, r->queue) < 0)
            return set_broker_error(e, "reading", r->topic, rd_kafka_last_error());
        r->parts[p] = (struct partition_span){ .end = spans[p].end, .reading = true };
        r->open++;
    }
    return 0;
}

int topic_reader_read(struct topic_reader *r, const struct topic_reader_query *q,
                      topic_reader_fn *fn, void *ctx, struct err *e)
{
    CLEANUP(freep) struct partition_span *parts = calloc((size_t)q->len + 1, sizeof *parts);
    struct reading x = { .reader = r,
                         .topic = q->topic,
                         .fn = fn,
                         .ctx = ctx,
                         .parts = parts,
                         .len = q->len,
                         .open_ns = q->open_ns };

    if (!parts)
        return err_set(e, ERR_NOMEM, "read %s", q->topic);
    rd_kafka_topic_t *t = rd_kafka_topic_new(r->messages, q->topic, NULL);
    if (!t)
        return err_set(e, ERR_NOMEM, "topic %s", q->topic);
    x.queue = rd_kafka_queue_new(r->messages);
    int result = start_partitions(&x, t, q->spans, e);
    if (result == 0)
        result = read_until_end(&x, e);
    for (int32_t p = 0; p < q->len; p++) {
        if (parts[p].end > 0)
            (void)rd_kafka_consume_stop(t, p);
    }
    /* A message left in the queue keeps its partition alive, and that the handle. */
    for (rd_kafka_message_t *m; (m = rd_kafka_consume_queue(x.queue, 0));)
        rd_kafka_message_destroy(m);
    rd_kafka_queue_destroy(x.queue);
    rd_kafka_topic_destroy(t);
    return result;
}

/* ---- start and end ---- */

static rd_kafka_t *make_reader_handle(const struct bridge_config *c, const char *isolation,
                                      struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    char why[300];

    if (kafka_conf_make(c, KAFKA_CONF_SCAN, &conf, e) < 0)
        return NULL;
    rd_kafka_conf_set_log_cb(conf, handle_log);
    (void)rd_kafka_conf_set(conf, "isolation.level", isolation, why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        (void)err_set(e, ERR_SETTING, "Kafka consumer: %s", why);
    }
    return rk;
}

int topic_reader_open(const struct bridge_config *c, const atomic_bool *stop,
                      struct topic_reader **ret_reader, struct err *e)
{
    struct topic_reader *r = calloc(1, sizeof *r);

    if (!r)
        return err_set(e, ERR_NOMEM, "read the topics");
    r->stop = stop;
    r->messages = make_reader_handle(c, "read_committed", e);
    if (r->messages)
        r->ends = make_reader_handle(c, "read_uncommitted", e);
    if (!r->ends) {
        (void)topic_reader_free(r);
        return -1;
    }
    *ret_reader = r;
    return 0;
}

struct topic_reader *topic_reader_free(struct topic_reader *r)
{
    if (!r)
        return NULL;
    handle_destroy(r->messages, 0, 0);
    handle_destroy(r->ends, 0, 0);
    free(r);
    return NULL;
}
