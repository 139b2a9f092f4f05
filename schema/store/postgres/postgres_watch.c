#include "schema/store/postgres/postgres_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void postgres_watch_read(struct postgres_watch *w, int64_t sent_ns, int64_t answered_ns)
{
    /* From end to end, because the database may have been away also while it answered. */
    bool gap = w->sent_ns == 0 || answered_ns - w->sent_ns > POSTGRES_WATCH_GAP(w->timeout_ns);

    w->sent_ns = sent_ns;
    w->answered_ns = answered_ns;
    for (size_t i = 0; i < w->len; i++) {
        w->servers[i].seen = false;
        if (gap)
            w->servers[i].since_ns = answered_ns;
    }
}

static struct postgres_watched *find_watched(const struct postgres_watch *w, const char *instance)
{
    for (size_t i = 0; i < w->len; i++)
        if (strcmp(w->servers[i].instance, instance) == 0)
            return &w->servers[i];
    return NULL;
}

static bool make_room(struct postgres_watch *w)
{
    size_t size = w->size > 0 ? 2 * w->size : 8;

    if (w->len < w->size)
        return true;
    struct postgres_watched *grown = realloc(w->servers, size * sizeof *grown);
    if (!grown)
        return false;
    w->servers = grown;
    w->size = size;
    return true;
}

static void add(struct postgres_watch *w, const char *instance, int64_t beat)
{
    if (!make_room(w))
        return;
    struct postgres_watched *s = &w->servers[w->len++];
    *s = (struct postgres_watched){ .beat = beat, .since_ns = w->answered_ns, .seen = true };
    (void)snprintf(s->instance, sizeof s->instance, "%s", instance);
}

bool postgres_watch_beat(struct postgres_watch *w, const char *instance, int64_t beat)
{
    struct postgres_watched *s = find_watched(w, instance);

    if (!s) {
        add(w, instance, beat);
        return false;
    }
    s->seen = true;
    if (s->beat != beat) {
        s->beat = beat;
        s->since_ns = w->answered_ns;
        return false;
    }
    /* It was the same at some time after this read was sent, and before the first was answered. */
    return w->sent_ns - s->since_ns >= w->timeout_ns;
}

void postgres_watch_end(struct postgres_watch *w)
{
    size_t kept = 0;

    for (size_t i = 0; i < w->len; i++)
        if (w->servers[i].seen)
            w->servers[kept++] = w->servers[i];
    w->len = kept;
}

void postgres_watch_clear(struct postgres_watch *w)
{
    free(w->servers);
    *w = (struct postgres_watch){ .timeout_ns = w->timeout_ns };
}
