/* bridge/consume/consumer.h - the thread that reads the topic.
 *
 * It always polls the handle, so that the group does not expel this member. Messages are read from
 * a separate queue, and only as many as can be judged within seconds: the rest stays in Kafka for
 * members that join later.
 *
 * An offset is stored when all messages before it are in the table, or (KAFKA_COMMIT=reported) when
 * all their reports are acknowledged. librdkafka commits stored offsets every second, and when the
 * group is left.
 *
 * Room     bridge/consume: from the topic to the job table, and the offsets that may be committed.
 *          May include schema and bridge/kafka; never bridge/publish.
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

/* Borrows all but hooks, which it copies. */
NODISCARD int consumer_open(const struct bridge_config *c, struct jobs *jobs,
                            struct kafka_health *health, const struct bridge_hooks *hooks,
                            struct consumer **ret_consumer, struct err *e);
NODISCARD int consumer_start(struct consumer *c, struct err *e);

/* Stops consuming: takes no more messages, and gives back to Kafka what no worker has begun
 * (KAFKA_COMMIT=reported). Stays in the group until the reports of all that runs are committed.
 * After it returns, hooks.able is not called any more. Any thread. */
void consumer_halt(struct consumer *c);

/* Reads no more, waits until the table has answered every operation (without a limit), stores the
 * offsets and leaves the group, for which it waits until deadline_ns (clock_mono_ns). May be called
 * again. */
void consumer_stop(struct consumer *c, int64_t deadline_ns);

/* After consumer_stop() and jobs_close(). Takes NULL, returns NULL. */
struct consumer *consumer_free(struct consumer *c);
