/* bridge/consume/intake.h - turns messages into operations on the job table, and its answers into
 * offsets.
 *
 *     intake_take() --> IN FLIGHT --committed--> settled --> intake_offsets()
 *                          ^   \
 *                          |    the table takes nothing now (full, disk) --> HELD, in memory
 *                          +---------- intake_retry() ----------------------------+
 *
 * A share group (KIP-932) acknowledges messages, not offsets. With one, intake_offsets() would
 * return each reported message to accept, and intake_give_back() each message to release; offsets.h
 * and lookback.h would not be needed.
 *
 * Room     bridge/consume.
 * Owns     a message from intake_take() until it is settled or its partition is revoked.
 * Threads  the consumer's thread only; the table's writer thread passes answers under a lock.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct bridge_config;
struct err;
struct intake;
struct jobs;
struct outbox_origin;
struct kafka_health;

/* Borrows all. */
NODISCARD int intake_open(const struct bridge_config *c, struct jobs *jobs,
                          struct kafka_health *health, struct intake **ret_intake, struct err *e);

/* From now on messages of the partition are taken. Nothing changes if they are. -1: out of
 * memory. */
NODISCARD int intake_assign(struct intake *in, int32_t partition);
/* Forgets the partition (< 0: all). Operations in flight go on, but their answers are ignored. */
void intake_revoke(struct intake *in, int32_t partition);
/* The number of messages of the partition (< 0: of all) that the table has not answered yet. */
size_t intake_in_flight(const struct intake *in, int32_t partition);

/* Returns whether another server has reported the message, so that it is skipped. */
typedef bool intake_skip_fn(void *ctx, const struct outbox_origin *o);
/* Sets the function that intake_take() calls; NULL: none. */
void intake_set_skip(struct intake *in, intake_skip_fn *fn, void *ctx);

/* Takes ownership of m and counts it. -1: out of memory; then m stays the caller's, and must be
 * read again. */
NODISCARD int intake_take(struct intake *in, rd_kafka_message_t *m);
/* All messages before offset `end` of the partition were taken. */
void intake_reached(struct intake *in, int32_t partition, int64_t end);

/* Handles the table's answers; if there are few, waits at most wait_ns for more. */
void intake_settle(struct intake *in, int64_t wait_ns);

/* Puts the held messages into the table again, when it has room. */
void intake_retry(struct intake *in);

/* Gives what no worker has begun of the partition (< 0: of all) back to Kafka; see giveback.h.
 * Nothing may be in flight. No effect unless giveback_is_needed(). */
void intake_give_back(struct intake *in, int32_t partition);

enum intake_room {
    INTAKE_TAKES,
    INTAKE_HAS_ENOUGH, /* as much waits as can be judged within seconds */
    INTAKE_BLOCKED     /* the table is full or not writable */
};
/* TAKES: *ret_most is the number of messages. BLOCKED: *ret_why (owned by the intake) is why. */
enum intake_room intake_room(struct intake *in, size_t *ret_most, const char **ret_why);
/* Enough messages are in flight. */
bool intake_is_full(const struct intake *in);
/* After `done` or SCRIPT_EXPECTED messages, no more are taken. */
bool intake_has_ended(const struct intake *in);
/* No message is in flight or held. */
bool intake_is_idle(const struct intake *in);

/* Adds to list the offsets that may be committed, where they changed since the last call. */
void intake_offsets(struct intake *in, const char *topic, rd_kafka_topic_partition_list_t *list);
/* The partition (< 0: any) has messages that are being judged, or whose report or dead letter is
 * not acknowledged. Messages that were given back do not count. */
bool intake_is_open(const struct intake *in, int32_t partition);

/* Nothing is heard of the table's changes any more: before it is closed, more than once too. */
void intake_stop(struct intake *in);
/* After intake_stop(), when nothing is in flight and the table is closed. Takes NULL, returns
 * NULL. */
struct intake *intake_free(struct intake *in);
