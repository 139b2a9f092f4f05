#include "bridge/kafka/kafka_health.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/log.h"

void kafka_health_init(struct kafka_health *t)
{
    *t =
        (struct kafka_health){ .health = { .why = { [BRIDGE_CONNECTION] = "not connected yet" } } };
    (void)pthread_mutex_init(&t->lock, NULL);
}

void kafka_health_done(struct kafka_health *t) { (void)pthread_mutex_destroy(&t->lock); }

void kafka_health_add(struct kafka_health *t, enum bridge_counter c, int64_t n)
{
    if (n == 0)
        return;
    (void)pthread_mutex_lock(&t->lock);
    t->health.counters[c] += n;
    (void)pthread_mutex_unlock(&t->lock);
}

void kafka_health_paused(struct kafka_health *t, bool paused, const char *why)
{
    (void)pthread_mutex_lock(&t->lock);
    bool changed = t->health.paused != paused;
    t->health.paused = paused;
    (void)pthread_mutex_unlock(&t->lock);
    if (changed && paused)
        log_info("kafka_paused", log_s("why", why));
    else if (changed)
        log_info("kafka_resumed", log_s("why", "there is room again"));
}

void kafka_health_ended(struct kafka_health *t)
{
    (void)pthread_mutex_lock(&t->lock);
    t->health.ended = true;
    (void)pthread_mutex_unlock(&t->lock);
}

static bool has_these_locked(const struct kafka_health *t, const struct bridge_lag *lags,
                             size_t len)
{
    if (t->health.lags_len != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (t->health.lags[i].partition != lags[i].partition)
            return false;
    }
    return true;
}

void kafka_health_partitions(struct kafka_health *t, const struct bridge_lag *lags, size_t len)
{
    (void)pthread_mutex_lock(&t->lock);
    if (!has_these_locked(t, lags, len)) {
        memcpy(t->health.lags, lags, len * sizeof *lags);
        t->health.lags_len = len;
    }
    (void)pthread_mutex_unlock(&t->lock);
}

void kafka_health_lags(struct kafka_health *t, const struct bridge_lag *lags, size_t len)
{
    (void)pthread_mutex_lock(&t->lock);
    if (has_these_locked(t, lags, len)) /* else they have gone meanwhile */
        memcpy(t->health.lags, lags, len * sizeof *lags);
    (void)pthread_mutex_unlock(&t->lock);
}

void kafka_health_unreported(struct kafka_health *t, int64_t submissions)
{
    (void)pthread_mutex_lock(&t->lock);
    t->health.unreported = submissions;
    (void)pthread_mutex_unlock(&t->lock);
}

/* True when it is news. */
static bool set_why(struct kafka_health *t, enum bridge_part part, const char *why)
{
    char *now = t->health.why[part];

    if (strncmp(now, why, sizeof t->health.why[part] - 1) == 0)
        return false;
    (void)snprintf(now, sizeof t->health.why[part], "%s", why);
    return true;
}

void kafka_health_why(struct kafka_health *t, enum bridge_part part, const char *why)
{
    (void)pthread_mutex_lock(&t->lock);
    bool news = set_why(t, part, why);
    (void)pthread_mutex_unlock(&t->lock);
    if (news && why[0])
        log_warning("kafka_trouble", log_s("part", bridge_part_name(part)), log_s("why", why));
    else if (news)
        log_info("kafka_well", log_s("part", bridge_part_name(part)));
}

void kafka_health_connected(struct kafka_health *t, bool connected, const char *why)
{
    (void)pthread_mutex_lock(&t->lock);
    bool changed = t->health.connected != connected || (!connected && !t->told);
    t->health.connected = connected;
    t->told = true;
    bool news = set_why(t, BRIDGE_CONNECTION, connected ? "" : why);
    (void)pthread_mutex_unlock(&t->lock);
    if (changed && connected)
        log_info("kafka_connected", log_s("state", "up"));
    else if (!connected && (changed || news))
        log_warning("kafka_away", log_s("why", why));
}

void kafka_health_read(struct kafka_health *t, struct bridge_health *ret_health)
{
    (void)pthread_mutex_lock(&t->lock);
    *ret_health = t->health;
    (void)pthread_mutex_unlock(&t->lock);
}
