/* bridge/kafka/lag.h - once a second, queries the consumer lag of this server's partitions: as in
 * Kafka's own group tool, the end of the partition (open transactions included) minus the committed
 * offset. Also counts how many of those submissions the table holds.
 *
 * librdkafka's statistics cannot be used: they learn an end only from a fetch, and a full prefetch
 * queue does not fetch; and they know only the offsets that this handle committed.
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

/* Borrows all. Reads the partitions from health, and writes their lags there. */
NODISCARD int lag_open(const struct bridge_config *c, struct jobs *jobs,
                       struct kafka_health *health, struct lag **ret_lag, struct err *e);
NODISCARD int lag_start(struct lag *l, struct err *e);

/* Sends no more requests; does not wait. */
void lag_halt(struct lag *l);

/* Waits for the request in flight, at most a second or two. Takes NULL, returns NULL. */
struct lag *lag_free(struct lag *l);
