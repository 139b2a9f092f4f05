/* bridge/consume/consumer.h - the thread that reads the topic.
 *
 *     polls always, so that the group never gives us up; messages are read from a queue of their
 *     own, and only as many as are judged within seconds: the rest is left for whoever joins.
 *
 * Offsets are stored once what lies before them is in the table, or (KAFKA_COMMIT=reported) once
 * every report of it is acknowledged; librdkafka commits what is stored, every second and when the
 * group is left.
 *
 * Room     bridge/consume: from the topic to the job table, and the offsets of what is done.
 *          May know schema and bridge/kafka; what is published never meets it.
 * Owns     a librdkafka handle and a thread.
 * Threads  consumer_open(), _start(), _stop() and _free() by one thread.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct bridge_config;
struct bridge_hooks;
struct consumer;
struct err;
struct jobs;
struct kafka_health;

/* Borrows all; copies hooks. */
NODISCARD int consumer_open(const struct bridge_config *c, struct jobs *jobs,
                            struct kafka_health *tally, const struct bridge_hooks *hooks,
                            struct consumer **ret_consumer, struct err *e);
NODISCARD int consumer_start(struct consumer *c, struct err *e);

/* Takes no more, and gives back to Kafka what is not begun; stays in the group, where what runs is
 * committed as it is reported. Any thread. */
void consumer_halt(struct consumer *c);

/* Reads no more, waits for what is in flight, leaves the group; not later than deadline_ns, but
 * never before the table has answered for what was given to it. May be called again. */
void consumer_stop(struct consumer *c, int64_t deadline_ns);

/* After consumer_stop() and jobs_close(). Takes NULL, returns NULL. */
struct consumer *consumer_free(struct consumer *c);
