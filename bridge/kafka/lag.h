/* bridge/kafka/lag.h - how far the group is behind in the partitions of this server, asked of the
 * broker once a second, as Kafka's own group tool does it: the end of the partition (open
 * transactions included) minus what is committed. And how much of that the table holds.
 *
 * librdkafka's statistics do not know it: they see an end only when they fetch, which a full
 * prefetch queue does not, and of what is committed only their own.
 *
 * Room     bridge/kafka.
 * Owns     a thread and a handle that joins no group.
 * Threads  lag_open(), _start() and _free(): one. lag_halt(): any.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"

struct bridge_config;
struct err;
struct jobs;
struct lag;
struct kafka_health;

/* Borrows all. Of which partitions: those that the tally has; how far: told to it. */
NODISCARD int lag_open(const struct bridge_config *c, struct jobs *jobs, struct kafka_health *tally,
                       struct lag **ret_lag, struct err *e);
NODISCARD int lag_start(struct lag *l, struct err *e);

/* Asks no more; does not wait. */
void lag_halt(struct lag *l);

/* Waits for the question that is open, a second or two. Takes NULL, returns NULL. */
struct lag *lag_free(struct lag *l);
