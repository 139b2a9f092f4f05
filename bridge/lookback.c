#include "bridge/lookback.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"
#include "bridge/settings.h"
#include "schema/buf.h"
#include "schema/clock.h"
#include "schema/err.h"
#include "schema/log.h"
#include "schema/outbox.h"

#define ASK_MS      5000 /* for one answer of the broker */
#define POLL_MS     100
#define PATIENCE_NS (10 * NS_PER_S) /* without any message */
#define TOTAL_NS    (120 * NS_PER_S)
/* The clocks of those who send and of those who report may differ. */
#define SLACK_MS (5 * 60 * 1000)

struct place {
    int64_t partition, offset, digest;
};

struct lookback {
    const struct bridge_config *config;     /* borrowed */
    rd_kafka_topic_partition_list_t *taken; /* owned */
    pthread_t thread;
    atomic_bool stop, done;

    /* the thread's own until it is done */
    rd_kafka_t *rk;
    int64_t until_ns;
    struct buf found; /* struct place each; sorted when done */
};

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    log_debug("librdkafka", log_i("level", level), log_s("facility", facility),
              log_s("text", text));
}

/* ---- reading some partitions of one topic, to their ends ---- */

/* False: that partition is read no further. */
typedef bool read_fn(struct lookback *l, const rd_kafka_message_t *m, void *ctx);

struct span {
    int64_t from, end; /* read [from, end); empty: not at all */
    bool reading;
};

struct reading {
    struct lookback *l;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    struct span *spans; /* by partition */
    int32_t len;
    size_t open; /* spans that are being read */
};

static void take_message(struct reading *r, const rd_kafka_message_t *m, read_fn *fn, void *ctx)
{
    struct span *s = m->partition >= 0 && m->partition < r->len ? &r->spans[m->partition] : NULL;
    bool eof = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;

    if (!s || !s->reading)
        return;
    bool more = !m->err && m->offset < s->end && fn(r->l, m, ctx) && m->offset + 1 < s->end;
    /* The end of what is committed, which other producers' open transactions may hold back. */
    if (eof)
        more = m->offset < s->end;
    if (!more) {
        s->reading = false;
        r->open--;
    }
}

static int read_open(struct reading *r, read_fn *fn, void *ctx, struct err *e)
{
    int64_t patience = clock_mono_ns() + PATIENCE_NS;

    while (r->open > 0) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(r->queue, POLL_MS);
        int64_t now = clock_mono_ns();

        (void)rd_kafka_poll(r->l->rk, 0);
        if (r->l->stop)
            return err_set(e, ERR_CANCELLED, "look at %s", rd_kafka_topic_name(r->topic));
        if (now > patience || now > r->l->until_ns)
            return err_set(e, ERR_UNAVAILABLE, "%s cannot be read to its end",
                           rd_kafka_topic_name(r->topic));
        if (!m)
            continue;
        if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            (void)err_set(e, ERR_UNAVAILABLE, "read %s: %s", rd_kafka_topic_name(r->topic),
                          rd_kafka_message_errstr(m));
            rd_kafka_message_destroy(m);
            return -1;
        }
        patience = now + PATIENCE_NS;
        take_message(r, m, fn, ctx);
        rd_kafka_message_destroy(m);
    }
    return 0;
}

/* Tells fn of every message within the spans. */
static int read_spans(struct lookback *l, const char *topic, struct span *spans, int32_t len,
                      read_fn *fn, void *ctx, struct err *e)
{
    struct reading r = { .l = l, .spans = spans, .len = len };
    int result = 0;

    r.topic = rd_kafka_topic_new(l->rk, topic, NULL);
    if (!r.topic)
        return err_set(e, ERR_NOMEM, "topic %s", topic);
    r.queue = rd_kafka_queue_new(l->rk);
    for (int32_t p = 0; p < len && result == 0; p++) {
        if (spans[p].from >= spans[p].end)
            continue;
        if (rd_kafka_consume_start_queue(r.topic, p, spans[p].from, r.queue) < 0) {
            result = err_set(e, ERR_UNAVAILABLE, "cannot read %s", topic);
            continue;
        }
        spans[p].reading = true;
        r.open++;
    }
    if (result == 0)
        result = read_open(&r, fn, ctx, e);
    for (int32_t p = 0; p < len; p++) {
        if (spans[p].from < spans[p].end)
            (void)rd_kafka_consume_stop(r.topic, p);
    }
    rd_kafka_queue_destroy(r.queue);
    rd_kafka_topic_destroy(r.topic);
    return result;
}

static int ask_ends(struct lookback *l, const char *topic, int32_t p, int64_t *ret_low,
                    int64_t *ret_high, struct err *e)
{
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(l->rk, topic, p, ret_low, ret_high, ASK_MS);

    return code ? err_set(e, ERR_UNAVAILABLE, "the end of %s: %s", topic, rd_kafka_err2str(code))
                : 0;
}

/* ---- since when ---- */

static bool note_time(struct lookback *l, const rd_kafka_message_t *m, void *ctx)
{
    int64_t *earliest = ctx, ms = rd_kafka_message_timestamp(m, NULL);

    (void)l;
    if (ms < *earliest) /* -1, no time: everything is read */
        *earliest = ms;
    return false;
}

/* The time of the first message that may be unreported; INT64_MAX when there is none. */
static int find_time(struct lookback *l, int64_t *ret_ms, struct err *e)
{
    int32_t most = -1;
    int result = 0;

    for (int i = 0; i < l->taken->cnt; i++)
        most = l->taken->elems[i].partition > most ? l->taken->elems[i].partition : most;
    CLEANUP(freep) struct span *spans = calloc((size_t)most + 1, sizeof *spans);
    if (!spans)
        return err_set(e, ERR_NOMEM, "look at the results");
    for (int i = 0; i < l->taken->cnt && result == 0; i++) {
        const rd_kafka_topic_partition_t *t = &l->taken->elems[i];
        struct span *s = &spans[t->partition];
        result = ask_ends(l, l->config->topic, t->partition, &s->from, &s->end, e);
        if (t->offset > s->from)
            s->from = t->offset;
    }
    *ret_ms = INT64_MAX;
    return result < 0 ? -1 : read_spans(l, l->config->topic, spans, most + 1, note_time, ret_ms, e);
}

/* ---- what is reported ---- */

static bool header_number(rd_kafka_headers_t *headers, const char *name, int64_t *ret_number)
{
    const void *value;
    char text[24], *end;
    size_t size;

    if (rd_kafka_header_get_last(headers, name, &value, &size) || !value || size == 0 ||
        size >= sizeof text)
        return false;
    memcpy(text, value, size);
    text[size] = '\0';
    *ret_number = strtoll(text, &end, 10);
    return *end == '\0';
}

static bool note_report(struct lookback *l, const rd_kafka_message_t *m, void *ctx)
{
    const char *topic = l->config->topic;
    rd_kafka_headers_t *headers;
    struct place at;
    const void *value;
    size_t size;

    (void)ctx;
    if (rd_kafka_message_headers(m, &headers) ||
        rd_kafka_header_get_last(headers, "scrc-source-topic", &value, &size) || !value ||
        size != strlen(topic) || memcmp(value, topic, size) != 0 ||
        !header_number(headers, "scrc-source-partition", &at.partition) ||
        !header_number(headers, "scrc-source-offset", &at.offset) ||
        !header_number(headers, "scrc-source-digest", &at.digest) || at.partition < 0 ||
        at.partition > INT32_MAX)
        return true;
    if (rd_kafka_topic_partition_list_find(l->taken, topic, (int32_t)at.partition) &&
        buf_add(&l->found, &at, sizeof at) < 0)
        log_warning("kafka_lookback", log_s("error", "out of memory"));
    return true;
}

/* The partitions of the results topic, from the first report of that time on. */
static int results_since(struct lookback *l, int64_t ms, struct span **ret_spans, int32_t *ret_len,
                         struct err *e)
{
    const char *topic = l->config->results_topic;
    const struct rd_kafka_metadata *meta;
    rd_kafka_topic_t *t = rd_kafka_topic_new(l->rk, topic, NULL);
    rd_kafka_resp_err_t code =
        t ? rd_kafka_metadata(l->rk, 0, t, &meta, ASK_MS) : RD_KAFKA_RESP_ERR__FAIL;
    int result = 0;

    if (t)
        rd_kafka_topic_destroy(t);
    if (code)
        return err_set(e, ERR_UNAVAILABLE, "partitions of %s: %s", topic, rd_kafka_err2str(code));
    int32_t len = meta->topic_cnt == 1 && !meta->topics[0].err ? meta->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(meta);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(len);
    struct span *spans = calloc((size_t)len + 1, sizeof *spans);
    for (int32_t p = 0; p < len; p++)
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = ms;
    if (!spans)
        result = err_set(e, ERR_NOMEM, "look at the results");
    else if (len > 0 && (code = rd_kafka_offsets_for_times(l->rk, list, ASK_MS)) != 0)
        result = err_set(e, ERR_UNAVAILABLE, "times of %s: %s", topic, rd_kafka_err2str(code));
    for (int32_t p = 0; p < len && result == 0; p++) {
        int64_t low, first = list->elems[p].offset; /* RD_KAFKA_OFFSET_END: none is that late */
        result = ask_ends(l, topic, p, &low, &spans[p].end, e);
        spans[p].from = first < 0 ? spans[p].end : first < low ? low : first;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (result < 0) {
        free(spans);
        return -1;
    }
    *ret_spans = spans;
    *ret_len = len;
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->digest < y->digest ? -1 : x->digest > y->digest;
}

static int look(struct lookback *l, struct err *e)
{
    CLEANUP(freep) struct span *spans = NULL;
    int64_t earliest;
    int32_t len = 0;

    if (find_time(l, &earliest, e) < 0)
        return -1;
    if (earliest == INT64_MAX)
        return 0;
    int64_t since = earliest > SLACK_MS ? earliest - SLACK_MS : 0;
    if (results_since(l, since, &spans, &len, e) < 0)
        return -1;
    return read_spans(l, l->config->results_topic, spans, len, note_report, NULL, e);
}

/* ---- life ---- */

static void *look_once(void *arg)
{
    struct lookback *l = arg;
    struct err e = { .kind = ERR_NONE };
    int64_t begun = clock_mono_ns();

    l->until_ns = begun + TOTAL_NS;
    if (look(l, &e) < 0 && e.kind != ERR_CANCELLED)
        log_warning("kafka_lookback", log_s("error", e.msg),
                    log_s("means", "what others have reported may be judged once more"));
    if (l->found.len > 0) {
        qsort(l->found.data, l->found.len / sizeof(struct place), sizeof(struct place), by_place);
        log_info("kafka_lookback",
                 log_i("reported", (int64_t)(l->found.len / sizeof(struct place))),
                 log_i("ms", (clock_mono_ns() - begun) / NS_PER_MS));
    }
    l->done = true;
    return NULL;
}

static int make_handle(struct lookback *l, struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    char why[300];

    if (settings_make(l->config, SETTINGS_SCAN, &conf, e) < 0)
        return -1;
    rd_kafka_conf_set_log_cb(conf, on_log);
    l->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (l->rk)
        return 0;
    rd_kafka_conf_destroy(conf);
    return err_set(e, ERR_SETTING, "Kafka consumer: %s", why);
}

int lookback_start(const struct bridge_config *c, const rd_kafka_topic_partition_list_t *taken,
                   struct lookback **ret_lookback, struct err *e)
{
    struct lookback *l = calloc(1, sizeof *l);
    sigset_t all, old;

    if (!l)
        return err_set(e, ERR_NOMEM, "look at the results");
    l->config = c;
    if (make_handle(l, e) < 0) {
        free(l);
        return -1;
    }
    l->taken = rd_kafka_topic_partition_list_copy(taken);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are main's */
    int rc = pthread_create(&l->thread, NULL, look_once, l);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        rd_kafka_topic_partition_list_destroy(l->taken);
        rd_kafka_destroy(l->rk);
        free(l);
        return err_errno(e, ERR_NOMEM, rc, "a thread that looks at the results");
    }
    *ret_lookback = l;
    return 0;
}

bool lookback_is_done(struct lookback *l) { return l->done; }

bool lookback_has(const struct lookback *l, const struct outbox_origin *o)
{
    const struct place want = { .partition = o->partition,
                                .offset = o->offset,
                                .digest = o->digest };

    return l->found.len > 0 &&
           bsearch(&want, l->found.data, l->found.len / sizeof want, sizeof want, by_place) != NULL;
}

struct lookback *lookback_free(struct lookback *l)
{
    if (!l)
        return NULL;
    l->stop = true;
    (void)pthread_join(l->thread, NULL);
    rd_kafka_topic_partition_list_destroy(l->taken);
    rd_kafka_destroy(l->rk);
    buf_clear(&l->found);
    free(l);
    return NULL;
}
