#include "bridge/scan.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "bridge/bridge.h"
#include "bridge/settings.h"
#include "schema/buf.h"
#include "schema/clock.h"
#include "schema/err.h"
#include "schema/log.h"

#define ASK_MS      5000            /* for one answer of the broker */
#define PATIENCE_NS (15 * NS_PER_S) /* without any message */
#define POLL_MS     100

struct part {
    rd_kafka_topic_t *topic; /* borrowed */
    int32_t number;
    int64_t from, until; /* what is read of it */
    int64_t end;         /* what the next watermark is */
    bool reading;
};

struct reading {
    const struct scan *scan;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topics[2];
    rd_kafka_queue_t *queue;
    struct buf parts;   /* struct part each */
    struct buf numbers; /* int64_t each */
    size_t unread;      /* parts that are being read */
    int64_t messages;
};

static struct part *parts(struct reading *r, size_t *ret_len)
{
    *ret_len = r->parts.len / sizeof(struct part);
    return (struct part *)(void *)r->parts.data;
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    log_debug("librdkafka", log_i("level", level), log_s("facility", facility),
              log_s("text", text));
}

int64_t scan_number(const char *table_id, const char *header, size_t len)
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

/* ---- how far to read ---- */

/* Where the last watermark of the partition is; low when the topic has marks and this partition has
 * none; end when the topic never had any. */
static int64_t start_of(const struct scan *s, const char *topic, int32_t partition, int64_t low,
                        int64_t end)
{
    int64_t start = end;

    for (size_t i = 0; i < s->from_len; i++) {
        if (strcmp(s->from[i].topic, topic) != 0)
            continue;
        if (s->from[i].partition == partition)
            return s->from[i].offset > low ? s->from[i].offset : low;
        start = low;
    }
    return start;
}

static int unavailable(struct err *e, const char *what, const char *topic, rd_kafka_resp_err_t code)
{
    return err_set(e, ERR_UNAVAILABLE, "%s of %s: %s", what, topic, rd_kafka_err2str(code));
}

static int add_part(struct reading *r, rd_kafka_topic_t *topic, int32_t number, struct err *e)
{
    const char *name = rd_kafka_topic_name(topic);
    int64_t low = 0, high = 0;
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(r->rk, name, number, &low, &high, ASK_MS);

    if (code)
        return unavailable(e, "the end", name, code);
    struct part p = { .topic = topic,
                      .number = number,
                      .from = start_of(r->scan, name, number, low, high),
                      .until = high,
                      .end = high };
    return buf_add(&r->parts, &p, sizeof p) < 0 ? err_set(e, ERR_NOMEM, "scan %s", name) : 0;
}

/* A topic that does not exist has nothing; that it had nothing is noted in a mark of its first
 * partition, so that a later scan knows that it was ours to write. */
static int add_topic(struct reading *r, rd_kafka_topic_t *topic, struct err *e)
{
    const struct rd_kafka_metadata *meta;
    const char *name = rd_kafka_topic_name(topic);
    rd_kafka_resp_err_t code = rd_kafka_metadata(r->rk, 0, topic, &meta, ASK_MS);
    int result = 0;

    if (code)
        return unavailable(e, "partitions", name, code);
    code = meta->topic_cnt == 1 ? meta->topics[0].err : RD_KAFKA_RESP_ERR__BAD_MSG;
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        struct part none = { .topic = topic };
        if (buf_add(&r->parts, &none, sizeof none) < 0)
            result = err_set(e, ERR_NOMEM, "scan %s", name);
    } else if (code) {
        result = unavailable(e, "partitions", name, code);
    } else {
        for (int i = 0; i < meta->topics[0].partition_cnt && result == 0; i++)
            result = add_part(r, topic, meta->topics[0].partitions[i].id, e);
    }
    rd_kafka_metadata_destroy(meta);
    return result;
}

/* The offset of the first message of that time or later in each partition that is to be read, given
 * to set(). Where there is none nothing is set: to read too much is right, too little is not. */
static int find_time(struct reading *r, int64_t ms, void (*set)(struct part *p, int64_t offset),
                     struct err *e)
{
    size_t len, n = 0;
    struct part *p = parts(r, &len);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)len);

    for (size_t i = 0; i < len; i++) {
        if (p[i].from < p[i].until)
            rd_kafka_topic_partition_list_add(list, rd_kafka_topic_name(p[i].topic), p[i].number)
                ->offset = ms;
    }
    rd_kafka_resp_err_t code = list->cnt > 0 ? rd_kafka_offsets_for_times(r->rk, list, ASK_MS)
                                             : RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; !code && i < len; i++) {
        if (p[i].from >= p[i].until)
            continue;
        const rd_kafka_topic_partition_t *found = &list->elems[n++];
        if (!found->err && found->offset >= 0)
            set(&p[i], found->offset);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code ? unavailable(e, "a time", r->scan->topics[0], code) : 0;
}

static void begin_at(struct part *p, int64_t offset)
{
    if (offset > p->from)
        p->from = offset;
}

static void end_at(struct part *p, int64_t offset)
{
    if (offset < p->until)
        p->until = offset;
}

static int narrow(struct reading *r, struct err *e)
{
    const struct scan *s = r->scan;

    if (s->since_ms > 0 && find_time(r, s->since_ms, begin_at, e) < 0)
        return -1;
    return s->until_ms > 0 ? find_time(r, s->until_ms + 1, end_at, e) : 0;
}

/* ---- reading ---- */

static int note_row(struct reading *r, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(m, &headers) ||
        rd_kafka_header_get_last(headers, "scrc-outbox", &value, &size) || !value)
        return 0;
    int64_t number = scan_number(r->scan->table_id, value, size);
    return number < 0 ? 0 : buf_add(&r->numbers, &number, sizeof number);
}

static struct part *part_of(struct reading *r, const rd_kafka_message_t *m)
{
    size_t len;
    struct part *p = parts(r, &len);

    for (size_t i = 0; i < len; i++) {
        if (p[i].number == m->partition &&
            strcmp(rd_kafka_topic_name(p[i].topic), rd_kafka_topic_name(m->rkt)) == 0)
            return &p[i];
    }
    return NULL;
}

/* -1 out of memory. */
static int read_one(struct reading *r, const rd_kafka_message_t *m)
{
    struct part *p = part_of(r, m);
    bool eof = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;

    if (!p || !p->reading || (m->err && !eof))
        return 0;
    r->messages += !eof;
    if (!eof && note_row(r, m) < 0)
        return -1;
    if (eof || m->offset + 1 >= p->until) {
        p->reading = false;
        r->unread--;
    }
    return 0;
}

static int read_all(struct reading *r, struct err *e)
{
    int64_t patience = clock_mono_ns() + PATIENCE_NS;

    while (r->unread > 0) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(r->queue, POLL_MS);
        (void)rd_kafka_poll(r->rk, 0);
        if (*r->scan->stop)
            return err_set(e, ERR_CANCELLED, "scan of the topics");
        if (!m && clock_mono_ns() > patience)
            return err_set(e, ERR_UNAVAILABLE, "the topics cannot be read to their end");
        if (!m)
            continue;
        int result = read_one(r, m);
        if (!m->err)
            patience = clock_mono_ns() + PATIENCE_NS;
        rd_kafka_message_destroy(m);
        if (result < 0)
            return err_set(e, ERR_NOMEM, "scan of the topics");
    }
    return 0;
}

static int read_parts(struct reading *r, struct err *e)
{
    size_t len, started = 0;
    struct part *p = parts(r, &len);

    r->queue = rd_kafka_queue_new(r->rk);
    for (; started < len; started++) {
        p[started].reading = p[started].from < p[started].until;
        if (!p[started].reading)
            continue;
        if (rd_kafka_consume_start_queue(p[started].topic, p[started].number, p[started].from,
                                         r->queue) < 0) {
            p[started].reading = false;
            break;
        }
        r->unread++;
    }
    int result = started < len ? err_set(e, ERR_UNAVAILABLE, "cannot read %s",
                                         rd_kafka_topic_name(p[started].topic))
                               : read_all(r, e);
    for (size_t i = 0; i < started; i++) {
        if (p[i].from < p[i].until)
            (void)rd_kafka_consume_stop(p[i].topic, p[i].number);
    }
    rd_kafka_queue_destroy(r->queue);
    return result;
}

/* ---- the whole ---- */

static int take_found(struct reading *r, struct scan_found *ret_found, struct err *e)
{
    size_t len;
    const struct part *p = parts(r, &len);
    struct scan_found f = { .numbers_len = r->numbers.len / sizeof(int64_t),
                            .messages = r->messages };

    f.ends = calloc(len + 1, sizeof *f.ends);
    if (!f.ends)
        return err_set(e, ERR_NOMEM, "scan of the topics");
    for (; f.ends_len < len; f.ends_len++) {
        size_t which = p[f.ends_len].topic == r->topics[0] ? 0 : 1;
        f.ends[f.ends_len] = (struct outbox_watermark){
            .topic = (char *)(uintptr_t)r->scan->topics[which], /* borrowed, as JOBS_WATERMARKS */
            .partition = p[f.ends_len].number,
            .offset = p[f.ends_len].end
        };
    }
    f.numbers = (int64_t *)(void *)buf_take(&r->numbers);
    *ret_found = f;
    return 0;
}

static int run(struct reading *r, struct scan_found *ret_found, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(r->topics); i++) {
        r->topics[i] = rd_kafka_topic_new(r->rk, r->scan->topics[i], NULL);
        if (!r->topics[i] || add_topic(r, r->topics[i], e) < 0)
            return r->topics[i] ? -1 : err_set(e, ERR_NOMEM, "topic %s", r->scan->topics[i]);
    }
    if (!r->scan->only_ends && (narrow(r, e) < 0 || read_parts(r, e) < 0))
        return -1;
    return take_found(r, ret_found, e);
}

int scan_run(const struct bridge_config *c, const struct scan *s, struct scan_found *ret_found,
             struct err *e)
{
    struct reading r = { .scan = s };
    rd_kafka_conf_t *conf = NULL;
    char why[300];

    if (settings_make(c, SETTINGS_SCAN, &conf, e) < 0)
        return -1;
    rd_kafka_conf_set_log_cb(conf, on_log);
    r.rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!r.rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, ERR_SETTING, "Kafka scan: %s", why);
    }
    int result = run(&r, ret_found, e);
    for (size_t i = 0; i < ARRAY_LEN(r.topics); i++) {
        if (r.topics[i])
            rd_kafka_topic_destroy(r.topics[i]);
    }
    rd_kafka_destroy(r.rk);
    buf_clear(&r.parts);
    buf_clear(&r.numbers);
    return result;
}

void scan_found_clear(struct scan_found *f)
{
    free(f->numbers);
    free(f->ends);
    *f = (struct scan_found){ 0 };
}
