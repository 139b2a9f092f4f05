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

/* How long to wait for an open transaction, which a killed server leaves until the broker ends it.
 * Short, because the reports that were committed lie in front of it. */
#define OPEN_NS (2 * NS_PER_S)
/* The clocks of senders and of servers may differ by this. */
#define SLACK_MS (5LL * 60 * 1000)

struct source_position {
    int64_t partition, offset, digest;
};

struct lookback {
    char topic[KAFKA_CONF_TOPIC_MAX + 1], results_topic[KAFKA_CONF_TOPIC_MAX + 1];
    rd_kafka_topic_partition_list_t *assigned; /* owned */
    atomic_int owners; /* the thread and the caller; the last one frees this, so that the caller
                          never waits for a request of the thread */
    atomic_bool stop, done;

    /* used by the thread only, until done */
    struct topic_reader *reader;
    struct buf reported; /* struct source_position each; sorted when done */
};

/* ---- the time of the first message ---- */

static bool keep_earliest_time(void *ctx, const rd_kafka_message_t *m)
{
    int64_t *earliest = ctx, ms = rd_kafka_message_timestamp(m, NULL);

    if (ms < *earliest) /* -1 (no time): all results are read */
        *earliest = ms;
    return false;
}

/* Drops the other partitions; the assigned ones begin at the offset that is read first. */
static void limit_to_assigned(const struct lookback *l, struct topic_span *spans, int32_t len)
{
    for (int32_t p = 0; p < len; p++) {
        const rd_kafka_topic_partition_t *t =
            rd_kafka_topic_partition_list_find(l->assigned, l->topic, p);
        if (!t)
            spans[p].end = spans[p].from;
        else if (t->offset > spans[p].from)
            spans[p].from = t->offset;
    }
}

/* The time of the first message that may be unreported; INT64_MAX when there is none. */
static int find_earliest_time(struct lookback *l, int64_t *ret_ms, struct err *e)
{
    CLEANUP(freep) struct topic_span *spans = NULL;
    int32_t len;

    *ret_ms = INT64_MAX;
    if (topic_reader_spans(l->reader, l->topic, &spans, &len, e) < 0)
        return -1;
    limit_to_assigned(l, spans, len);
    const struct topic_reader_query q = { .topic = l->topic, .spans = spans, .len = len };
    return topic_reader_read(l->reader, &q, keep_earliest_time, ret_ms, e);
}

/* ---- reports ---- */

static bool read_header_number(rd_kafka_headers_t *headers, const char *name, int64_t *ret_number)
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

static bool add_reported(void *ctx, const rd_kafka_message_t *m)
{
    struct lookback *l = ctx;
    rd_kafka_headers_t *headers;
    struct source_position at;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(m, &headers) ||
        rd_kafka_header_get_last(headers, "scrc-source-topic", &value, &size) || !value ||
        size != strlen(l->topic) || memcmp(value, l->topic, size) != 0 ||
        !read_header_number(headers, "scrc-source-partition", &at.partition) ||
        !read_header_number(headers, "scrc-source-offset", &at.offset) ||
        !read_header_number(headers, "scrc-source-digest", &at.digest) || at.partition < 0 ||
        at.partition > INT32_MAX)
        return true;
    if (rd_kafka_topic_partition_list_find(l->assigned, l->topic, (int32_t)at.partition) &&
        buf_add(&l->reported, &at, sizeof at) < 0)
        log_warning("kafka_lookback", log_s("error", "out of memory"));
    return true;
}

static int compare_positions(const void *a, const void *b)
{
    const struct source_position *x = a, *y = b;

    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->digest < y->digest ? -1 : x->digest > y->digest;
}

static int read_committed_results(struct lookback *l, struct err *e)
{
    CLEANUP(freep) struct topic_span *spans = NULL;
    const char *results = l->results_topic;
    int64_t earliest;
    int32_t len;

    if (find_earliest_time(l, &earliest, e) < 0)
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
    return topic_reader_read(l->reader, &q, add_reported, l, e);
}

/* ---- start and end ---- */

static void release_owner(struct lookback *l)
{
    if (atomic_fetch_sub(&l->owners, 1) > 1)
        return;
    rd_kafka_topic_partition_list_destroy(l->assigned);
    (void)topic_reader_free(l->reader);
    buf_clear(&l->reported);
    free(l);
}

static void *run_lookback(void *arg)
{
    struct lookback *l = arg;
    struct err e = { .kind = ERR_NONE };
    int64_t begun = clock_mono_ns();

    thread_name("lookback");
    if (read_committed_results(l, &e) < 0 && e.kind != ERR_CANCELLED)
        log_warning("kafka_lookback", log_s("error", e.msg),
                    log_s("means", "what others have reported may be judged once more"));
    if (l->reported.len > 0) {
        qsort(l->reported.data, l->reported.len / sizeof(struct source_position),
              sizeof(struct source_position), compare_positions);
        log_info("kafka_lookback",
                 log_i("reported", (int64_t)(l->reported.len / sizeof(struct source_position))),
                 log_i("ms", (clock_mono_ns() - begun) / NS_PER_MS));
    }
    l->reader = topic_reader_free(l->reader);
    l->done = true;
    release_owner(l);
    return NULL;
}

static int start_lookback_thread(struct lookback *l, struct err *e)
{
    pthread_t thread;

    atomic_fetch_add(&l->owners, 1);
    int rc = thread_start(&thread, run_lookback, l);
    if (rc != 0) {
        release_owner(l);
        return err_errno(e, ERR_NOMEM, rc, "a thread that looks at the results");
    }
    (void)pthread_detach(thread);
    return 0;
}

int lookback_start(const struct bridge_config *c, const rd_kafka_topic_partition_list_t *assigned,
                   struct lookback **ret_lookback, struct err *e)
{
    struct lookback *l = calloc(1, sizeof *l);

    if (!l)
        return err_set(e, ERR_NOMEM, "look at the results");
    l->owners = 1;
    (void)snprintf(l->topic, sizeof l->topic, "%s", c->topic);
    (void)snprintf(l->results_topic, sizeof l->results_topic, "%s", c->results_topic);
    l->assigned = rd_kafka_topic_partition_list_copy(assigned);
    if (topic_reader_open(c, &l->stop, &l->reader, e) < 0 || start_lookback_thread(l, e) < 0) {
        release_owner(l);
        return -1;
    }
    *ret_lookback = l;
    return 0;
}

bool lookback_is_done(struct lookback *l) { return l->done; }

bool lookback_has(const struct lookback *l, const struct outbox_origin *o)
{
    const struct source_position want = { .partition = o->partition,
                                          .offset = o->offset,
                                          .digest = o->digest };

    return l->reported.len > 0 && bsearch(&want, l->reported.data, l->reported.len / sizeof want,
                                          sizeof want, compare_positions) != NULL;
}

struct lookback *lookback_free(struct lookback *l)
{
    if (!l)
        return NULL;
    l->stop = true;
    release_owner(l);
    return NULL;
}
