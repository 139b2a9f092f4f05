/* bridge/intake.h - from messages to operations of the job table and back to offsets.
 *
 *     intake_take() --> IN FLIGHT --committed--> settled --> intake_offsets()
 *                          ^   \
 *                          |    the table takes nothing now (full, disk) --> HELD, in memory
 *                          +---------- intake_retry() ----------------------------+
 *
 * Room     bridge.
 * Owns     a message from intake_take() until it is settled or its partition is revoked.
 * Threads  the consumer's thread alone; what the table's writer says is handed over under the lock.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base.h"

struct bridge_config;
struct err;
struct intake;
struct jobs;
struct tally;

/* Before traffic starts: with commit_reported it listens to the table. Borrows all. */
NODISCARD int intake_open(const struct bridge_config *c, struct jobs *jobs, struct tally *tally,
                          struct intake **ret_intake, struct err *e);

/* From here on messages of the partition are taken; twice is as once. -1 out of memory. */
NODISCARD int intake_assign(struct intake *in, int32_t partition);
/* Forgets all of it (partition < 0: of every one). What is in flight goes into the table, and is
 * settled for nobody. */
void intake_revoke(struct intake *in, int32_t partition);
/* Messages of it, or (partition < 0) of all, that the table has not committed and may still. */
size_t intake_in_flight(const struct intake *in, int32_t partition);

/* Takes m, unless it returns -1 out of memory: then m must be read again. Counts it in tally. */
NODISCARD int intake_take(struct intake *in, rd_kafka_message_t *m);

/* Hears what the table said, waiting up to wait_ns when it has said nothing yet. */
void intake_settle(struct intake *in, int64_t wait_ns);

/* Gives what is held to the table again, when it looks as if it could take it. */
void intake_retry(struct intake *in);

bool intake_is_full(const struct intake *in); /* enough is in flight */
/* Nothing should be read until the table has room again; ret_why (static or of the intake) says. */
bool intake_is_blocked(struct intake *in, const char **ret_why);
/* `done` or SCRIPT_EXPECTED: nothing more is taken. */
bool intake_has_ended(const struct intake *in);
/* Nothing in flight, nothing held. */
bool intake_is_idle(const struct intake *in);

/* Adds to list what may be committed since the last call, of topic. */
void intake_offsets(struct intake *in, const char *topic, rd_kafka_topic_partition_list_t *list);

/* When nothing is in flight and the table is closed. Takes NULL, returns NULL. */
struct intake *intake_free(struct intake *in);
