#include "schema/store/postgres/postgres_signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/store/db.h"

void postgres_signals_init(struct postgres_signals *s)
{
    *s = (struct postgres_signals){ .len = 0 };
    text_random_id(s->own);
    (void)pthread_mutex_init(&s->lock, NULL);
}

void postgres_signals_clear(struct postgres_signals *s)
{
    while (s->len > 0)
        free(s->waiting[--s->len]);
    (void)pthread_mutex_destroy(&s->lock);
}

bool postgres_signals_add(struct postgres_signals *s, const char *text)
{
    char *payload = NULL;

    if (asprintf(&payload, "%s %s", s->own, text) < 0)
        return false;
    (void)pthread_mutex_lock(&s->lock);
    bool added = s->len < POSTGRES_SIGNALS_MAX;
    if (added)
        s->waiting[s->len++] = payload;
    (void)pthread_mutex_unlock(&s->lock);
    if (!added)
        free(payload);
    return added;
}

static size_t take_all(struct postgres_signals *s, char *taken[POSTGRES_SIGNALS_MAX])
{
    (void)pthread_mutex_lock(&s->lock);
    size_t len = s->len;
    memcpy(taken, s->waiting, len * sizeof *taken);
    s->len = 0;
    (void)pthread_mutex_unlock(&s->lock);
    return len;
}

int postgres_signals_notify(struct db *d, const char *channel, const char *payload, struct err *e)
{
    static const char notify[] =
        "SELECT set_config('synchronous_commit', 'off', true), pg_notify(?1, ?2)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, notify, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, channel);
    db_bind_text(q, 2, payload);
    return db_run(q, e);
}

int postgres_signals_send(struct postgres_signals *s, struct db *d, const char *channel,
                          struct err *e)
{
    char *taken[POSTGRES_SIGNALS_MAX];
    size_t len = take_all(s, taken);
    int rc = 0;

    for (size_t i = 0; i < len; i++) {
        rc = rc < 0 ? rc : postgres_signals_notify(d, channel, taken[i], e);
        free(taken[i]);
    }
    return rc;
}

const char *postgres_signals_open(const struct postgres_signals *s, const char *payload)
{
    const char *space = strchr(payload, ' ');
    size_t len = strlen(s->own);

    if (!space || ((size_t)(space - payload) == len && memcmp(payload, s->own, len) == 0))
        return NULL;
    return space + 1;
}
