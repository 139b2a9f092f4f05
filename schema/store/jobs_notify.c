#include "schema/store/jobs_notify.h"

#include <string.h>

#include "schema/store/jobs_table.h"
#include "schema/store/outbox.h"

void jobs_notify(struct jobs *j, struct jobs_group *g)
{
    for (size_t i = 0; i < g->len; i++) {
        struct jobs_change *c = &g->changes[i];
        c->id = g->ids.data + g->id_at[i];
        c->language = c->language ? c->id + strlen(c->id) + 1 : NULL;
    }
    (void)pthread_mutex_lock(&j->lock);
    size_t n = g->len > 0 ? j->listeners_len : 0;
    outbox_listener_fn *outbox_listener = g->outbox_added > 0 ? j->outbox_listener.fn : NULL;
    (void)pthread_mutex_unlock(&j->lock);
    for (size_t i = 0; i < n; i++) /* without the lock: entries do not change once added */
        j->listeners[i].fn(j->listeners[i].ctx, g->changes, g->len);
    if (outbox_listener)
        outbox_listener(j->outbox_listener.ctx, OUTBOX_KIND_BIT(OUTBOX_REPORT) | g->added_kinds);
}
