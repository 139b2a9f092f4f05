/* bridge/kafka/kafka_health.h - state and counters that the bridge's threads set, and the log lines
 * for changes of that state.
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
    struct bridge_health values;
    bool connection_logged; /* the first state of the connection was logged */
};

void kafka_health_init(struct kafka_health *h);
void kafka_health_done(struct kafka_health *h);

void kafka_health_add(struct kafka_health *h, enum bridge_counter c, int64_t n);
/* Sets whether reading pauses, and logs a line when that changes; `why` only goes to the log. */
void kafka_health_paused(struct kafka_health *h, bool paused, const char *why);
void kafka_health_ended(struct kafka_health *h);
/* Sets the partitions assigned to us, with lags of -1; no effect, so that known lags stay, when
 * they are the same as before. */
void kafka_health_partitions(struct kafka_health *h, const struct bridge_lag *lags, size_t len);
/* Sets the lags, unless other partitions are assigned by now. */
void kafka_health_lags(struct kafka_health *h, const struct bridge_lag *lags, size_t len);

/* Logs a line when the connection is lost, when the reason changes, and when it is back. `why` is
 * copied; unused when connected. */
void kafka_health_connected(struct kafka_health *h, bool connected, const char *why);
/* Sets the problem of a part (copied; "": none), and logs a line when it changes. */
void kafka_health_why(struct kafka_health *h, enum bridge_part part, const char *why);

void kafka_health_unreported(struct kafka_health *h, int64_t submissions);

void kafka_health_read(struct kafka_health *h, struct bridge_health *ret_health);
