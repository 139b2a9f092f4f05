#include "bridge/kafka/kafka_health.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/log.h"

void kafka_health_init(struct kafka_health *h)
{
    *h =
        (struct kafka_health){ .values = { .why = { [BRIDGE_CONNECTION] = "not connected yet" } } };
    (void)pthread_mutex_init(&h->lock, NULL);
}

void kafka_health_done(struct kafka_health *h) { (void)pthread_mutex_destroy(&h->lock); }

void kafka_health_add(struct kafka_health *h, enum bridge_counter c, int64_t n)
{
    if (n == 0)
        return;
    (void)pthread_mutex_lock(&h->lock);
    h->values.counters[c] += n;
    (void)pthread_mutex_unlock(&h->lock);
}

void kafka_health_paused(struct kafka_health *h, bool paused, const char *why)
{
    (void)pthread_mutex_lock(&h->lock);
    bool changed = h->values.paused != paused;
    h->values.paused = paused;
    (void)pthread_mutex_unlock(&h->lock);
    if (changed && paused)
        log_info("kafka_paused", log_s("why", why));
    else if (changed)
        log_info("kafka_resumed", log_s("why", "there is room again"));
}

void kafka_health_ended(struct kafka_health *h)
{
    (void)pthread_mutex_lock(&h->lock);
    h->values.ended = true;
    (void)pthread_mutex_unlock(&h->lock);
}

static bool has_partitions_locked(const struct kafka_health *h, const struct bridge_lag *lags,
                                  size_t len)
{
    if (h->values.lags_len != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (h->values.lags[i].partition != lags[i].partition)
            return false;
    }
    return true;
}

void kafka_health_partitions(struct kafka_health *h, const struct bridge_lag *lags, size_t len)
{
    (void)pthread_mutex_lock(&h->lock);
    if (!has_partitions_locked(h, lags, len)) {
        memcpy(h->values.lags, lags, len * sizeof *lags);
        h->values.lags_len = len;
    }
    (void)pthread_mutex_unlock(&h->lock);
}

void kafka_health_lags(struct kafka_health *h, const struct bridge_lag *lags, size_t len)
{
    (void)pthread_mutex_lock(&h->lock);
    if (has_partitions_locked(h, lags, len)) /* else the assignment has changed meanwhile */
        memcpy(h->values.lags, lags, len * sizeof *lags);
    (void)pthread_mutex_unlock(&h->lock);
}

void kafka_health_unreported(struct kafka_health *h, int64_t submissions)
{
    (void)pthread_mutex_lock(&h->lock);
    h->values.unreported = submissions;
    (void)pthread_mutex_unlock(&h->lock);
}

/* True when it changed. */
static bool set_why_locked(struct kafka_health *h, enum bridge_part part, const char *why)
{
    char *current = h->values.why[part];

    if (strncmp(current, why, sizeof h->values.why[part] - 1) == 0)
        return false;
    (void)snprintf(current, sizeof h->values.why[part], "%s", why);
    return true;
}

void kafka_health_why(struct kafka_health *h, enum bridge_part part, const char *why)
{
    (void)pthread_mutex_lock(&h->lock);
    bool changed_why = set_why_locked(h, part, why);
    (void)pthread_mutex_unlock(&h->lock);
    if (changed_why && why[0])
        log_warning("kafka_trouble", log_s("part", bridge_part_name(part)), log_s("why", why));
    else if (changed_why)
        log_info("kafka_well", log_s("part", bridge_part_name(part)));
}

void kafka_health_connected(struct kafka_health *h, bool connected, const char *why)
{
    (void)pthread_mutex_lock(&h->lock);
    bool changed = h->values.connected != connected || (!connected && !h->connection_logged);
    h->values.connected = connected;
    h->connection_logged = true;
    bool changed_why = set_why_locked(h, BRIDGE_CONNECTION, connected ? "" : why);
    (void)pthread_mutex_unlock(&h->lock);
    if (changed && connected)
        log_info("kafka_connected", log_s("state", "up"));
    else if (!connected && (changed || changed_why))
        log_warning("kafka_away", log_s("why", why));
}

void kafka_health_read(struct kafka_health *h, struct bridge_health *ret_health)
{
    (void)pthread_mutex_lock(&h->lock);
    *ret_health = h->values;
    (void)pthread_mutex_unlock(&h->lock);
}
