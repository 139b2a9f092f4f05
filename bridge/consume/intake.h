/* bridge/consume/intake.h - from messages to operations of the job table and back to offsets.
 *
 *     intake_take() --> IN FLIGHT --committed--> settled --> intake_offsets()
 *                          ^   \
 *                          |    the table takes nothing now (full, disk) --> HELD, in memory
 *                          +---------- intake_retry() ----------------------------+
 *
 * A share group (KIP-932) would acknowledge messages and not offsets: intake_offsets() would hand
 * out each told message to accept instead of a prefix, and intake_give_back() each returned one to
 * release; offsets.h and the look at others' reports would go, all else stays.
 *
 * Room     bridge/consume.
 * Owns     a message from intake_take() until it is settled or its partition is revoked.
 * Threads  the consumer's thread alone; what the table's writer says is handed over under the lock.
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
                          struct kafka_health *tally, struct intake **ret_intake, struct err *e);

/* From here on messages of the partition are taken; twice is as once. -1 out of memory. */
NODISCARD int intake_assign(struct intake *in, int32_t partition);
/* Forgets all of it (partition < 0: of every one). What is in flight goes into the table, and is
 * settled for nobody. */
void intake_revoke(struct intake *in, int32_t partition);
/* Messages of it, or (partition < 0) of all, that the table has not committed and may still. */
size_t intake_in_flight(const struct intake *in, int32_t partition);

/* The message needs nothing: another server has reported it. */
typedef bool intake_skip_fn(void *ctx, const struct outbox_origin *o);
/* NULL: none. Called by intake_take(). */
void intake_skip(struct intake *in, intake_skip_fn *fn, void *ctx);

/* Takes m, unless it returns -1 out of memory: then m must be read again. Counts it in tally. */
NODISCARD int intake_take(struct intake *in, rd_kafka_message_t *m);
/* All that lies before `end` in the partition was taken. */
void intake_reached(struct intake *in, int32_t partition, int64_t end);

/* Hears what the table said, waiting up to wait_ns when it has said nothing yet. */
void intake_settle(struct intake *in, int64_t wait_ns);

/* Gives what is held to the table again, when it looks as if it could take it. */
void intake_retry(struct intake *in);

/* Gives what was taken from the partition (< 0: from every one) and is not begun back to Kafka: its
 * rows are deleted. Nothing may be in flight. Only where offsets wait for reports. */
void intake_give_back(struct intake *in, int32_t partition);

enum intake_room {
    INTAKE_TAKES,
    INTAKE_HAS_ENOUGH, /* as much as is judged within seconds: the rest is left in Kafka */
    INTAKE_BLOCKED     /* the table takes nothing, or is full */
};
/* TAKES: *ret_most is how many messages. BLOCKED: *ret_why (of the intake) says why. */
enum intake_room intake_room(struct intake *in, size_t *ret_most, const char **ret_why);
bool intake_is_full(const struct intake *in); /* enough is in flight */
/* `done` or SCRIPT_EXPECTED: nothing more is taken. */
bool intake_has_ended(const struct intake *in);
/* Nothing in flight, nothing held. */
bool intake_is_idle(const struct intake *in);

/* Adds to list what may be committed since the last call, of topic. */
void intake_offsets(struct intake *in, const char *topic, rd_kafka_topic_partition_list_t *list);
/* There are messages of the partition (< 0: of any) about which something is still to be said here:
 * they are judged, or what was said is not acknowledged. What was given back is not among them. */
bool intake_is_open(const struct intake *in, int32_t partition);

/* When nothing is in flight and the table is closed. Takes NULL, returns NULL. */
struct intake *intake_free(struct intake *in);
