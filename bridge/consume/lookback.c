#include "bridge/consume/lookback.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/kafka/bridge_config.h"
#include "bridge/kafka/kafka_conf.h"
#include "bridge/kafka/topic_reader.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"
#include "schema/store/outbox.h"

/* A server that was killed leaves a transaction open until the broker ends it. What it had reported
 * before lies in front of that. */
#define OPEN_NS (2 * NS_PER_S)
/* The clocks of those who send and of those who report may differ. */
#define SLACK_MS (5LL * 60 * 1000)

struct place {
    int64_t partition, offset, digest;
};

struct lookback {
    char topic[KAFKA_CONF_TOPIC_MAX + 1], results_topic[KAFKA_CONF_TOPIC_MAX + 1];
    rd_kafka_topic_partition_list_t *taken; /* owned */
    atomic_int owners; /* the thread, and who started it: the last one frees this, since a call of
                          the thread may have to wait for the broker */
    atomic_bool stop, done;

    /* the thread's own until it is done */
    struct topic_reader *reader;
    struct buf found; /* struct place each; sorted when done */
};

/* ---- since when ---- */

static bool note_time(void *ctx, const rd_kafka_message_t *m)
{
    int64_t *earliest = ctx, ms = rd_kafka_message_timestamp(m, NULL);

    if (ms < *earliest) /* -1, no time: everything is read */
        *earliest = ms;
    return false;
}

/* Of the partitions that were not taken nothing is read; of the others one message. */
static void narrow(const struct lookback *l, struct topic_span *spans, int32_t len)
{
    for (int32_t p = 0; p < len; p++) {
        const rd_kafka_topic_partition_t *t =
            rd_kafka_topic_partition_list_find(l->taken, l->topic, p);
        if (!t)
            spans[p].end = spans[p].from;
        else if (t->offset > spans[p].from)
            spans[p].from = t->offset;
    }
}

/* The time of the first message that may be unreported; INT64_MAX when there is none. */
static int find_time(struct lookback *l, int64_t *ret_ms, struct err *e)
{
    CLEANUP(freep) struct topic_span *spans = NULL;
    int32_t len;

    *ret_ms = INT64_MAX;
    if (topic_reader_spans(l->reader, l->topic, &spans, &len, e) < 0)
        return -1;
    narrow(l, spans, len);
    const struct topic_reader_query q = { .topic = l->topic, .spans = spans, .len = len };
    return topic_reader_read(l->reader, &q, note_time, ret_ms, e);
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

static bool note_report(void *ctx, const rd_kafka_message_t *m)
{
    struct lookback *l = ctx;
    rd_kafka_headers_t *headers;
    struct place at;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(m, &headers) ||
        rd_kafka_header_get_last(headers, "scrc-source-topic", &value, &size) || !value ||
        size != strlen(l->topic) || memcmp(value, l->topic, size) != 0 ||
        !header_number(headers, "scrc-source-partition", &at.partition) ||
        !header_number(headers, "scrc-source-offset", &at.offset) ||
        !header_number(headers, "scrc-source-digest", &at.digest) || at.partition < 0 ||
        at.partition > INT32_MAX)
        return true;
    if (rd_kafka_topic_partition_list_find(l->taken, l->topic, (int32_t)at.partition) &&
        buf_add(&l->found, &at, sizeof at) < 0)
        log_warning("kafka_lookback", log_s("error", "out of memory"));
    return true;
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
    CLEANUP(freep) struct topic_span *spans = NULL;
    const char *results = l->results_topic;
    int64_t earliest;
    int32_t len;

    if (find_time(l, &earliest, e) < 0)
        return -1;
    if (earliest == INT64_MAX)
        return 0;
    int64_t since = earliest > SLACK_MS ? earliest - SLACK_MS : 0;
    if (topic_reader_spans(l->reader, results, &spans, &len, e) < 0 ||
        topic_reader_since(l->reader, results, spans, len, since, e) < 0)
        return -1;
    const struct topic_reader_query q = {
        .topic = results, .spans = spans, .len = len, .open_ns = OPEN_NS
    };
    return topic_reader_read(l->reader, &q, note_report, l, e);
}

/* ---- life ---- */

static void disown(struct lookback *l)
{
    if (atomic_fetch_sub(&l->owners, 1) > 1)
        return;
    rd_kafka_topic_partition_list_destroy(l->taken);
    (void)topic_reader_free(l->reader);
    buf_clear(&l->found);
    free(l);
}

static void *look_once(void *arg)
{
    struct lookback *l = arg;
    struct err e = { .kind = ERR_NONE };
    int64_t begun = clock_mono_ns();

    if (look(l, &e) < 0 && e.kind != ERR_CANCELLED)
        log_warning("kafka_lookback", log_s("error", e.msg),
                    log_s("means", "what others have reported may be judged once more"));
    if (l->found.len > 0) {
        qsort(l->found.data, l->found.len / sizeof(struct place), sizeof(struct place), by_place);
        log_info("kafka_lookback",
                 log_i("reported", (int64_t)(l->found.len / sizeof(struct place))),
                 log_i("ms", (clock_mono_ns() - begun) / NS_PER_MS));
    }
    l->reader = topic_reader_free(l->reader);
    l->done = true;
    disown(l);
    return NULL;
}

static int start(struct lookback *l, struct err *e)
{
    pthread_t thread;

    atomic_fetch_add(&l->owners, 1);
    int rc = thread_start(&thread, look_once, l);
    if (rc != 0) {
        disown(l);
        return err_errno(e, ERR_NOMEM, rc, "a thread that looks at the results");
    }
    (void)pthread_detach(thread);
    return 0;
}

int lookback_start(const struct bridge_config *c, const rd_kafka_topic_partition_list_t *taken,
                   struct lookback **ret_lookback, struct err *e)
{
    struct lookback *l = calloc(1, sizeof *l);

    if (!l)
        return err_set(e, ERR_NOMEM, "look at the results");
    l->owners = 1;
    (void)snprintf(l->topic, sizeof l->topic, "%s", c->topic);
    (void)snprintf(l->results_topic, sizeof l->results_topic, "%s", c->results_topic);
    l->taken = rd_kafka_topic_partition_list_copy(taken);
    if (topic_reader_open(c, &l->stop, &l->reader, e) < 0 || start(l, e) < 0) {
        disown(l);
        return -1;
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
    disown(l);
    return NULL;
}
