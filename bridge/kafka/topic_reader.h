/* bridge/kafka/topic_reader.h - reads a range of offsets of each partition of a topic.
 *
 *     topic_reader_open() --> topic_reader_spans() --> topic_reader_since() / _until()
 *                         --> topic_reader_read() --> topic_reader_free()
 *
 * Only committed messages are read, but a range may end at the high watermark: if it reaches into
 * an open transaction, it is read to its end after that transaction ends.
 *
 * Room     bridge/kafka.
 * Owns     two librdkafka handles; borrows `stop`.
 * Threads  one owner at a time.
 * Errors   0, or -1 with *e filled. ERR_UNAVAILABLE: the broker is away or too slow, or a
 *          transaction stays open: try again. ERR_INPUT: we lack a right. ERR_CANCELLED: *stop was
 *          set.
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

/* The range [from, end) of one partition. */
struct topic_span {
    int64_t from, end;
    int64_t high; /* the high watermark */
};

NODISCARD int topic_reader_open(const struct bridge_config *c, const atomic_bool *stop,
                                struct topic_reader **ret_reader, struct err *e);

/* Fills in all of each partition, [first message, high watermark), indexed by its number. *ret_len
 * is 0 when there is no such topic. The caller frees *ret_spans. */
NODISCARD int topic_reader_spans(struct topic_reader *r, const char *topic,
                                 struct topic_span **ret_spans, int32_t *ret_len, struct err *e);

/* Cut off messages older (since) or younger (until) than ms, milliseconds since 1970. Spans of few
 * messages stay as they are: to read them is faster than to find the offset. */
NODISCARD int topic_reader_since(struct topic_reader *r, const char *topic,
                                 struct topic_span *spans, int32_t len, int64_t ms, struct err *e);
NODISCARD int topic_reader_until(struct topic_reader *r, const char *topic,
                                 struct topic_span *spans, int32_t len, int64_t ms, struct err *e);

/* Returns false to end the reading of m's partition. */
typedef bool topic_reader_fn(void *ctx, const rd_kafka_message_t *m);

struct topic_reader_query {
    const char *topic;
    const struct topic_span *spans; /* one for each partition */
    int32_t len;
    int64_t open_ns; /* how long to wait when all that is left is behind open transactions; 0: that
                        part is not read */
};

/* Calls fn for every message within the spans; in order within a partition. */
NODISCARD int topic_reader_read(struct topic_reader *r, const struct topic_reader_query *q,
                                topic_reader_fn *fn, void *ctx, struct err *e);

/* Does not wait for the broker. Takes NULL, returns NULL. */
struct topic_reader *topic_reader_free(struct topic_reader *r);
