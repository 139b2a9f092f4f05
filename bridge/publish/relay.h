/* bridge/publish/relay.h - publishes the outbox of one table to its topics.
 *
 *     INIT --> RECOVER --> SEND: rows --> begin, produce, commit --> rows deleted
 *      ^                    ^   |                |
 *      |                    +---+                +--> abort: nothing is visible; tried again later
 *      +-- after a fatal error: the outcome of the transaction is unknown
 *
 * Reports and dead letters have a lane each, with its own thread, producer and transactional id, so
 * that a topic that refuses messages does not block the other. A batch of rows is one transaction:
 * a reader of committed messages sees each row exactly once, whenever a process is killed. INIT
 * ends the open transaction of an earlier server; RECOVER reads the topic for rows that were
 * committed but not deleted from the table.
 *
 * Room     bridge/publish: from the outbox to the topics, in transactions.
 *          May include schema and bridge/kafka; never bridge/consume.
 * Owns     its lanes, with their threads and producers.
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

/* Borrows all. It listens to the outbox: call it before traffic starts, once for a table. */
NODISCARD int relay_open(const struct bridge_config *c, struct jobs *jobs,
                         struct kafka_health *health, struct relay **ret_relay, struct err *e);
NODISCARD int relay_start(struct relay *r, struct err *e);

/* Sends what is left in the outbox, until deadline_ns (clock_mono_ns) or until the broker has taken
 * nothing for some seconds; then ends the threads. May be called again. */
void relay_stop(struct relay *r, int64_t deadline_ns);

/* After relay_stop() and jobs_close(). Takes NULL, returns NULL. */
struct relay *relay_free(struct relay *r);

/* For tests: makes the producer of reports fail with a fatal error. False when an earlier call has
 * not taken effect yet. */
bool relay_break(struct relay *r);
