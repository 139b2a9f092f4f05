/* bridge/consumer.h - the thread that reads the topic.
 *
 *     polls always, so that the group never gives us up; when the table takes nothing more, the
 *     partitions are paused and it polls on.
 *
 * Offsets are stored once what lies before them is in the table, and librdkafka commits what is
 * stored, every second and when the group is left.
 *
 * Room     bridge.
 * Owns     a librdkafka handle and a thread.
 * Threads  consumer_open(), _start(), _stop() and _free() by one thread.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdint.h>

#include "schema/base.h"

struct bridge_config;
struct bridge_hooks;
struct consumer;
struct err;
struct jobs;
struct tally;

/* Borrows all; copies hooks. */
NODISCARD int consumer_open(const struct bridge_config *c, struct jobs *jobs, struct tally *tally,
                            const struct bridge_hooks *hooks, struct consumer **ret_consumer,
                            struct err *e);
NODISCARD int consumer_start(struct consumer *c, struct err *e);

/* Reads no more, waits for what is in flight, leaves the group; not later than deadline_ns, but
 * never before the table has answered for what was given to it. May be called again. */
void consumer_stop(struct consumer *c, int64_t deadline_ns);

/* After consumer_stop() and jobs_close(). Takes NULL, returns NULL. */
struct consumer *consumer_free(struct consumer *c);
