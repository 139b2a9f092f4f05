/* bridge/publish/relay.h - sends one table's outbox to its topics.
 *
 *     INIT --> LOOK --> SEND: rows --> begin, produce, commit --> rows gone
 *      ^                 ^   |                 |
 *      |                 +---+                 abort: nothing is on the topic: later again
 *      +-- a fatal error: what became of the transaction is not known
 *
 * There is a lane for reports and one for dead letters, each with a thread, a producer and a
 * transactional id of its own, so that a topic that takes nothing holds back no other. A batch of
 * rows is one transaction: who reads what is committed sees each row once, whatever is killed in
 * between. INIT ends what a server before this one left open; LOOK reads the topic for rows that
 * were committed and are still in the table.
 *
 * Room     bridge/publish: from the outbox to the topics, in transactions.
 *          May know schema and bridge/kafka; what is consumed never meets it.
 * Owns     its lanes, and their threads and producers.
 * Threads  relay_open(), _start(), _stop() and _free() by one thread at a time.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct bridge_config;
struct err;
struct jobs;
struct relay;
struct kafka_health;

/* Borrows all. listen: is notified of new rows (before traffic starts, once in the life of a
 * table); otherwise it looks for them. */
NODISCARD int relay_open(const struct bridge_config *c, struct jobs *jobs, bool listen,
                         struct kafka_health *tally, struct relay **ret_relay, struct err *e);
NODISCARD int relay_start(struct relay *r, struct err *e);

/* Sends what is in the outbox, as long as the broker takes it and not later than deadline_ns; then
 * ends the threads. May be called again. */
void relay_stop(struct relay *r, int64_t deadline_ns);

/* After relay_stop() and, when it listens, jobs_close(). Takes NULL, returns NULL. */
struct relay *relay_free(struct relay *r);

/* For tests: as if the producer of reports had failed for good. False when one such failure is
 * still to come. */
bool relay_break(struct relay *r);
