/* bridge/kafka/topic_reader.h - reads a stretch of each partition of a topic, from here to there.
 *
 *     topic_reader_open() --> topic_reader_spans() --> topic_reader_since() / _until()
 *                         --> topic_reader_read() --> topic_reader_free()
 *
 * Only what is committed is read, while the ends are the high watermarks: a stretch that reaches
 * into somebody's open transaction is read to its end when that one ends.
 *
 * Room     bridge/kafka.
 * Owns     two librdkafka handles; borrows `stop`.
 * Threads  one owner at a time.
 * Errors   0, or -1 with *e filled. ERR_UNAVAILABLE: the broker is away, too slow, or holds a
 *          transaction open: try again. ERR_INPUT: there is no right to do it. ERR_CANCELLED: *stop
 *          was set.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct bridge_config;
struct err;
struct topic_reader;

/* Of one partition: [from, end) is read. */
struct topic_span {
    int64_t from, end;
    int64_t high; /* where the partition ends now */
};

NODISCARD int topic_reader_open(const struct bridge_config *c, const atomic_bool *stop,
                                struct topic_reader **ret_reader, struct err *e);

/* Every partition whole: [its first message, its end), by number. *ret_len is 0 when there is no
 * such topic. The caller frees *ret_spans. */
NODISCARD int topic_reader_spans(struct topic_reader *r, const char *topic,
                                 struct topic_span **ret_spans, int32_t *ret_len, struct err *e);

/* Leaves out what is older than ms (since 1970), or (until) younger. Spans of few messages
 * stay as they are. */
NODISCARD int topic_reader_since(struct topic_reader *r, const char *topic,
                                 struct topic_span *spans, int32_t len, int64_t ms, struct err *e);
NODISCARD int topic_reader_until(struct topic_reader *r, const char *topic,
                                 struct topic_span *spans, int32_t len, int64_t ms, struct err *e);

/* False: that partition is read no further. */
typedef bool topic_reader_fn(void *ctx, const rd_kafka_message_t *m);

struct topic_reader_query {
    const char *topic;
    const struct topic_span *spans; /* one for each partition */
    int32_t len;
    int64_t open_ns; /* how long to wait when nothing is left but what open transactions hold; 0:
                        that is not read */
};

/* Tells fn of every message within the spans; those of one partition in order. */
NODISCARD int topic_reader_read(struct topic_reader *r, const struct topic_reader_query *q,
                                topic_reader_fn *fn, void *ctx, struct err *e);

/* Does not wait for the broker. Takes NULL, returns NULL. */
struct topic_reader *topic_reader_free(struct topic_reader *r);
