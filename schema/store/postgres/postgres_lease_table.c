/* The lease of a job table: what the table hears of it. */
#include "schema/store/jobs_notify.h"
#include "schema/store/jobs_table.h"
#include "schema/store/outbox.h"
#include "schema/store/postgres/postgres_lease.h"
#include "schema/store/postgres/postgres_store.h"

static bool wants_outbox(void *ctx)
{
    struct jobs *j = ctx;

    (void)pthread_mutex_lock(&j->lock);
    bool wants = j->listeners.outbox.fn != NULL;
    (void)pthread_mutex_unlock(&j->lock);
    return wants;
}

static void has_outbox(void *ctx, bool ours)
{
    struct jobs *j = ctx;

    if (atomic_exchange(&j->publishes, ours) != ours)
        jobs_notify_outbox(j, OUTBOX_ANY_KIND);
}

static void rename_instance(void *ctx, const char *instance) { jobs_set_instance(ctx, instance); }

static void count_servers(void *ctx, size_t servers)
{
    struct jobs *j = ctx;

    (void)pthread_mutex_lock(&j->memory_lock);
    j->counts.servers = (int64_t)servers;
    (void)pthread_mutex_unlock(&j->memory_lock);
}

static void outdated(void *ctx, const char *why)
{
    has_outbox(ctx, false);
    postgres_store_end(ctx, why);
}

static void released(void *ctx) { postgres_store_ring(ctx); }

static void note_snapshot(void *ctx, int64_t age_ms)
{
    struct jobs *j = ctx;

    (void)pthread_mutex_lock(&j->memory_lock);
    j->counts.snapshot_ms = age_ms;
    (void)pthread_mutex_unlock(&j->memory_lock);
}

int postgres_lease_open(struct jobs *j, const char *url, const struct jobs_config *c,
                        struct postgres_lease **ret_lease, struct err *e)
{
    char instance[TEXT_ID_SIZE];

    jobs_instance(j, instance);
    return postgres_lease_start(&(struct postgres_lease_config){ .url = url,
                                                                 .instance = instance,
                                                                 .directory = j->dir_id,
                                                                 .slots = c->slots,
                                                                 .timeout_ms = c->lease_timeout_ms,
                                                                 .lost = rename_instance,
                                                                 .seen = count_servers,
                                                                 .wants_outbox = wants_outbox,
                                                                 .has_outbox = has_outbox,
                                                                 .outdated = outdated,
                                                                 .released = released,
                                                                 .snapshot = note_snapshot,
                                                                 .ctx = j },
                                ret_lease, e);
}
