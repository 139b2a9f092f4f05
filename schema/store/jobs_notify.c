#include "schema/store/jobs_notify.h"

#include <stdlib.h>
#include <string.h>

#include "schema/store/jobs_table.h"
#include "schema/store/outbox.h"

/* Those that are called now. They cannot go until the call has ended. */
static struct jobs_listeners begin_calls(struct jobs *j)
{
    (void)pthread_mutex_lock(&j->lock);
    j->calls++;
    struct jobs_listeners l = j->listeners;
    (void)pthread_mutex_unlock(&j->lock);
    return l;
}

static void end_calls(struct jobs *j)
{
    (void)pthread_mutex_lock(&j->lock);
    if (--j->calls == 0)
        (void)pthread_cond_broadcast(&j->quiet);
    (void)pthread_mutex_unlock(&j->lock);
}

static void call_outbox(const struct jobs_listeners *l, unsigned kinds)
{
    if (l->outbox.fn)
        l->outbox.fn(l->outbox.ctx, kinds);
}

void jobs_notify(struct jobs *j, struct jobs_group *g)
{
    for (size_t i = 0; i < g->len; i++) {
        struct jobs_change *c = &g->changes[i];
        c->id = g->ids.data + g->id_at[i];
        c->language = c->language ? c->id + strlen(c->id) + 1 : NULL;
    }
    struct jobs_listeners l = begin_calls(j);
    for (size_t i = 0; i < l.len && g->len > 0; i++)
        l.rows[i].fn(l.rows[i].ctx, g->changes, g->len);
    if (g->outbox_added > 0)
        call_outbox(&l, OUTBOX_KIND_BIT(OUTBOX_REPORT) | g->added_kinds);
    end_calls(j);
}

void jobs_notify_outbox(struct jobs *j, unsigned kinds)
{
    struct jobs_listeners l = begin_calls(j);

    call_outbox(&l, kinds);
    end_calls(j);
}

void jobs_notify_signal(struct jobs *j, const char *text)
{
    struct jobs_listeners l = begin_calls(j);

    if (l.signal.fn)
        l.signal.fn(l.signal.ctx, text);
    end_calls(j);
}

void jobs_listen(struct jobs *j, jobs_listener_fn *fn, void *ctx)
{
    (void)pthread_mutex_lock(&j->lock);
    struct jobs_listeners *l = &j->listeners;
    if (l->len == JOBS_LISTENERS_MAX)
        abort(); /* main() adds a fixed number of listeners */
    l->rows[l->len].fn = fn;
    l->rows[l->len++].ctx = ctx;
    (void)pthread_mutex_unlock(&j->lock);
}

void jobs_unlisten(struct jobs *j, const void *ctx)
{
    (void)pthread_mutex_lock(&j->lock);
    struct jobs_listeners *l = &j->listeners;
    for (size_t i = l->len; i-- > 0;)
        if (l->rows[i].ctx == ctx)
            l->rows[i] = l->rows[--l->len];
    if (l->outbox.ctx == ctx)
        l->outbox.fn = NULL;
    if (l->signal.ctx == ctx)
        l->signal.fn = NULL;
    if (j->claimer.ctx == ctx)
        j->claimer.fn = NULL;
    while (j->calls > 0)
        (void)pthread_cond_wait(&j->quiet, &j->lock);
    (void)pthread_mutex_unlock(&j->lock);
}
