/* bridge/drain.h - the thread that sends one table's outbox.
 *
 *     LOOK --> the topics are read for rows sent before a death (bridge/scan.h)
 *     SEND --> up to DRAIN_WINDOW rows in flight; what the broker has acknowledged goes, in batches
 *     ^   |
 *     +---+    a fatal error of the producer, or a delivery of which nobody knows
 *
 * A row goes only when the broker has it. Rows that the broker does not take now stay, and are
 * tried again.
 *
 * Room     bridge.
 * Owns     a producer and a thread.
 * Threads  drain_open(), _start(), _stop() and _free() by one thread at a time.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base.h"

struct bridge_config;
struct drain;
struct err;
struct jobs;
struct tally;

#define DRAIN_WINDOW 1000

/* Borrows all. listen: hears of new rows (before traffic starts, once in the life of a table);
 * otherwise it looks for them. */
NODISCARD int drain_open(const struct bridge_config *c, struct jobs *jobs, bool listen,
                         struct tally *tally, struct drain **ret_drain, struct err *e);
NODISCARD int drain_start(struct drain *d, struct err *e);

/* Sends what is in the outbox, as long as the broker takes it and not later than deadline_ns; then
 * ends the thread. May be called again. */
void drain_stop(struct drain *d, int64_t deadline_ns);

/* After drain_stop() and, when it listens, jobs_close(). Takes NULL, returns NULL. */
struct drain *drain_free(struct drain *d);

/* For tests: as if the producer had failed for good. False when there is none now. */
bool drain_break(struct drain *d);
