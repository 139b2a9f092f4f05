/* bridge/kafka/kafka_health.h - what the bridge's threads tell about themselves, and the log lines
 * of its state.
 *
 * Room     bridge/kafka.
 * Owns     nothing beyond itself.
 * Threads  any.
 * Errors   none.
 */
#pragma once

#include <pthread.h>

#include "bridge/kafka/bridge_health.h"

struct kafka_health {
    pthread_mutex_t lock;
    /* guarded by lock */
    struct bridge_health health;
    bool told; /* a line has said whether it is connected */
};

void kafka_health_init(struct kafka_health *t);
void kafka_health_done(struct kafka_health *t);

void kafka_health_add(struct kafka_health *t, enum bridge_counter c, int64_t n);
void kafka_health_paused(struct kafka_health *t, bool paused, const char *why);
void kafka_health_ended(struct kafka_health *t);
/* The partitions that are ours now, with lags of -1. Those that are known stay known where nothing
 * has changed. */
void kafka_health_partitions(struct kafka_health *t, const struct bridge_lag *lags, size_t len);
/* How far behind these partitions are, if they are still ours. */
void kafka_health_lags(struct kafka_health *t, const struct bridge_lag *lags, size_t len);

/* One line when it goes, when the reason is another, and when it is back. why is borrowed; unused
 * when connected. */
void kafka_health_connected(struct kafka_health *t, bool connected, const char *why);
/* What is wrong with a part; "": nothing any more. A line when that changes. */
void kafka_health_why(struct kafka_health *t, enum bridge_part part, const char *why);

void kafka_health_unreported(struct kafka_health *t, int64_t submissions);

void kafka_health_read(struct kafka_health *t, struct bridge_health *ret_health);
