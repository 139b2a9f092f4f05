/* bridge/kafka/tally.h - what the bridge's threads tell about themselves, and the log lines of its
 * state.
 *
 * Room     bridge/kafka.
 * Owns     nothing beyond itself.
 * Threads  any.
 * Errors   none.
 */
#pragma once

#include <pthread.h>

#include "bridge/kafka/bridge_health.h"

struct tally {
    pthread_mutex_t lock;
    /* guarded by lock */
    struct bridge_health health;
    bool told; /* a line has said whether it is connected */
};

void tally_init(struct tally *t);
void tally_done(struct tally *t);

void tally_add(struct tally *t, enum bridge_counter c, int64_t n);
void tally_paused(struct tally *t, bool paused, const char *why);
void tally_ended(struct tally *t);
/* The partitions that are ours now, with lags of -1. Those that are known stay known where nothing
 * has changed. */
void tally_partitions(struct tally *t, const struct bridge_lag *lags, size_t len);
/* How far behind these partitions are, if they are still ours. */
void tally_lags(struct tally *t, const struct bridge_lag *lags, size_t len);

/* One line when it goes, when the reason is another, and when it is back. why is borrowed; unused
 * when connected. */
void tally_connected(struct tally *t, bool connected, const char *why);
/* What is wrong with a part; "": nothing any more. A line when that changes. */
void tally_why(struct tally *t, enum bridge_part part, const char *why);

void tally_unreported(struct tally *t, int64_t submissions);

void tally_read(struct tally *t, struct bridge_health *ret_health);
