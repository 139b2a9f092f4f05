#include "schema/store/postgres/postgres_lease.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/metrics.h"
#include "schema/base/thread.h"
#include "schema/store/jobs_table.h"
#include "schema/store/postgres/postgres_beat.h"
#include "schema/store/postgres/postgres_migrate.h"
#include "schema/store/postgres/postgres_release.h"
#include "schema/store/postgres/postgres_tidy.h"
#include "schema/store/postgres/postgres_timeline.h"
#include "schema/store/postgres/postgres_twin.h"
#include "schema/store/postgres/postgres_watch.h"

#define OVER_MAX 16 /* servers whose claims are released between two reads */

struct postgres_lease {
    /* Fixed after the start. */
    char *directory; /* owned */
    int64_t slots, timeout_ns;
    void (*lost)(void *ctx, const char *instance);
    void (*seen)(void *ctx, size_t servers); /* NULL: nobody asks */
    bool (*wants_outbox)(void *ctx);
    void (*has_outbox)(void *ctx, bool ours);
    void (*outdated)(void *ctx, const char *why); /* NULL, as the next two: nobody asks */
    void (*released)(void *ctx);
    void (*snapshot)(void *ctx, int64_t age_ms);
    void *ctx; /* borrowed */
    pthread_t thread;
    bool runs;

    /* Of the thread, while it runs. */
    struct db *db; /* owned */
    char instance[TEXT_ID_SIZE];
    int64_t started_ms;
    int64_t beat_ns, read_ns, tidy_ns; /* when each is done next */
    bool failing, ended;
    struct postgres_timeline timeline;
    struct postgres_watch watch;
    char over[OVER_MAX][TEXT_ID_SIZE]; /* servers with claims to release */
    size_t over_len;
    struct jobs_group changes;

    /* Guarded by lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
};

/* Every step waits for the database for so long at most: then there is time for more of them before
 * another server takes us for dead. */
static void limit_step(struct postgres_lease *l)
{
    db_deadline(l->db, clock_mono_ns() + POSTGRES_WATCH_GAP(l->timeout_ns));
}

/* ---- our own row ---- */

/* 1; 0: another server has this name; -1. */
static int begin_instance(struct postgres_lease *l, const char *instance, struct err *e)
{
    const struct postgres_beat_server s = { .instance = instance,
                                            .directory = l->directory,
                                            .slots = l->slots,
                                            .started_ms = l->started_ms };
    limit_step(l);
    return postgres_beat_begin(l->db, &s, e);
}

/* The new row first: claims without one would be released. */
static int become_another(struct postgres_lease *l, const char *why, struct err *e)
{
    char fresh[TEXT_ID_SIZE];

    text_random_id(fresh);
    int n = begin_instance(l, fresh, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_BUG, "a random name is taken");
    log_warning("lease_lost", log_s("instance", l->instance), log_s("next_instance", fresh),
                log_s("why", why));
    metrics_count(METRICS_LEASES_LOST);
    memcpy(l->instance, fresh, sizeof fresh);
    l->lost(l->ctx, fresh);
    return 0;
}

/* A newer version has made a schema on which we cannot work: the others do what we had. */
static int end_when_outdated(struct postgres_lease *l, struct err *e)
{
    struct err why = { 0 };

    limit_step(l);
    int n = postgres_migrate_outdated(l->db, &why);
    if (n <= 0)
        return n < 0 ? err_set(e, why.kind, "%s", why.msg) : 0;
    if (l->outdated)
        l->outdated(l->ctx, why.msg);
    limit_step(l);
    if (postgres_beat_end(l->db, l->instance, -1, e) < 0)
        return -1;
    log_error("schema_too_new", log_s("error", why.msg),
              log_s("means", "this server takes and judges nothing more; others do what it had"));
    l->ended = true;
    return 0;
}

static int beat(struct postgres_lease *l, struct err *e)
{
    if (clock_mono_ns() < l->beat_ns)
        return 0;
    if (end_when_outdated(l, e) < 0 || l->ended)
        return l->ended ? 0 : -1;
    limit_step(l);
    /* A replica that was promoted may have claims of ours that have ended since: all are released.
     */
    int changed = postgres_timeline_changed(l->db, &l->timeline, e);
    if (changed < 0 || (changed > 0 && postgres_beat_end(l->db, l->instance, -1, e) < 0))
        return -1;
    int n = postgres_beat_raise(l->db, l->instance, e);
    if (n < 0)
        return -1;
    if (n == 0 && become_another(l,
                                 changed ? "the database is a replica that was promoted"
                                         : "silent for LEASE_TIMEOUT: others judge what this "
                                           "server had",
                                 e) < 0)
        return -1;
    l->beat_ns = clock_mono_ns() + l->timeout_ns / 5;
    return postgres_beat_read_clock(l->db, e);
}

/* ---- the others ---- */

/* We look into the index of claims for each server that is over, not at all claims. */
JOBS_SQL(select_servers) = "SELECT instance, beat, over FROM server s WHERE over = 0"
                           " UNION ALL SELECT instance, beat, over FROM server s"
                           " CROSS JOIN LATERAL (SELECT 1 FROM job WHERE job.instance = s.instance"
                           " AND claim IS NOT NULL LIMIT 1) AS claimed WHERE over = 1";

static void add_over(struct postgres_lease *l, const char *instance)
{
    if (l->over_len < OVER_MAX)
        (void)snprintf(l->over[l->over_len++], TEXT_ID_SIZE, "%.*s", TEXT_ID_SIZE - 1, instance);
}

/* Those that are dead, and are not marked as over yet. */
struct dead {
    char instance[TEXT_ID_SIZE];
    int64_t beat;
};

/* Fills l->over; at most OVER_MAX dead ones, the next read finds others. */
static int read_servers(struct postgres_lease *l, struct dead *dead, size_t *ret_dead,
                        struct err *e)
{
    int64_t sent = clock_mono_ns();
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(l->db, select_servers, e);
    int n = q ? db_step(q, e) : -1;

    *ret_dead = l->over_len = 0;
    if (n < 0)
        return -1;
    postgres_watch_read(&l->watch, sent, clock_mono_ns());
    for (; n > 0; n = db_step(q, e)) {
        const char *instance = db_text(q, 0, NULL);
        if (db_int(q, 2) != 0) {
            add_over(l, instance);
        } else if (strcmp(instance, l->instance) != 0 &&
                   postgres_watch_beat(&l->watch, instance, db_int(q, 1)) && *ret_dead < OVER_MAX) {
            struct dead *d = &dead[(*ret_dead)++];
            (void)snprintf(d->instance, sizeof d->instance, "%s", instance);
            d->beat = db_int(q, 1);
        }
    }
    postgres_watch_end(&l->watch);
    return n;
}

static int find_over(struct postgres_lease *l, struct err *e)
{
    struct dead dead[OVER_MAX];
    size_t len;

    limit_step(l);
    if (read_servers(l, dead, &len, e) < 0)
        return -1;
    if (l->seen)
        l->seen(l->ctx, l->watch.len + 1);
    for (size_t i = 0; i < len; i++) {
        limit_step(l);
        int n = postgres_beat_end(l->db, dead[i].instance, dead[i].beat, e);
        if (n < 0)
            return -1;
        if (n == 0)
            continue;
        log_warning("server_died", log_s("instance", dead[i].instance),
                    log_s("next", "its submissions are queued again"));
        metrics_count(METRICS_SERVERS_DIED);
        add_over(l, dead[i].instance);
    }
    return 0;
}

static bool must_stop(struct postgres_lease *l)
{
    (void)pthread_mutex_lock(&l->lock);
    bool stop = l->stop || l->ended;
    (void)pthread_mutex_unlock(&l->lock);
    return stop;
}

static int release_claims(struct postgres_lease *l, const char *instance, struct err *e)
{
    struct postgres_release_counts counts = { 0 };
    int more = 1;

    while (more > 0 && !must_stop(l)) {
        if (beat(l, e) < 0)
            return -1;
        limit_step(l);
        more = postgres_release(l->db, instance, &l->changes, &counts, e);
    }
    if (counts.queued + counts.ended == 0)
        return more < 0 ? -1 : 0;
    if (l->released)
        l->released(l->ctx);
    metrics_add(METRICS_RELEASED_DIED, counts.queued + counts.ended);
    log_info("claims_released", log_s("instance", instance), log_i("queued", counts.queued),
             log_i("ended", counts.ended));
    return more < 0 ? -1 : 0;
}

/* ---- the outbox ---- */

/* 1: it is ours, 0: another server has it, -1. */
static int take_outbox(struct postgres_lease *l, struct err *e)
{
    JOBS_SQL(take) =
        "INSERT INTO publisher(instance) VALUES(?1) ON CONFLICT(one) DO UPDATE"
        " SET instance = excluded.instance WHERE publisher.instance = ?1 OR NOT EXISTS"
        " (SELECT 1 FROM server s WHERE s.instance = publisher.instance AND s.over = 0)";
    limit_step(l);
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(l->db, take, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, l->instance);
    return db_run(q, e) < 0 ? -1 : db_changes(l->db) > 0;
}

/* A server that cannot ask may have lost it. */
static int share_outbox(struct postgres_lease *l, struct err *e)
{
    if (!l->wants_outbox || !l->wants_outbox(l->ctx))
        return 0;
    int n = take_outbox(l, e);
    l->has_outbox(l->ctx, n > 0);
    return n < 0 ? -1 : 0;
}

/* ---- one round ---- */

static int look_at_others(struct postgres_lease *l, struct err *e)
{
    if (clock_mono_ns() < l->read_ns)
        return 0;
    l->read_ns = clock_mono_ns() + l->timeout_ns / 10;
    if (find_over(l, e) < 0)
        return -1;
    for (size_t i = 0; i < l->over_len; i++)
        if (release_claims(l, l->over[i], e) < 0)
            return -1;
    return share_outbox(l, e);
}

/* What is deleted keeps its place as long as a snapshot may still see it, whoever has that. */
static int look_at_snapshots(struct postgres_lease *l, struct err *e)
{
    static const char select[] =
        "SELECT coalesce(CAST(extract(epoch FROM clock_timestamp() - min(xact_start)) * 1000"
        " AS BIGINT), 0) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL"
        " AND datname = current_database()";
    int64_t age_ms;

    limit_step(l);
    if (db_number(l->db, select, &age_ms, e) < 0)
        return -1;
    if (l->snapshot)
        l->snapshot(l->ctx, age_ms);
    return 0;
}

/* Until the next read; the rest is done after it. */
static int tidy_up(struct postgres_lease *l, struct err *e)
{
    int more;

    if (clock_mono_ns() < l->tidy_ns)
        return 0;
    do {
        limit_step(l);
        more = postgres_tidy(l->db, e);
    } while (more > 0 && clock_mono_ns() < l->read_ns && clock_mono_ns() < l->beat_ns);
    if (more > 0)
        return 0;
    l->tidy_ns = clock_mono_ns() + 6 * l->timeout_ns;
    return more < 0 ? -1 : look_at_snapshots(l, e);
}

/* ---- the thread ---- */

/* Logged when it begins and when it ends. */
static void note(struct postgres_lease *l, int rc, const struct err *e)
{
    if (rc < 0 && e->kind != ERR_AGAIN && !l->failing) {
        log_warning("lease_failed", log_s("error", e->msg), log_s("next", "tries again"));
        l->failing = true;
    } else if (rc == 0 && l->failing) {
        log_info("lease_goes_on", log_s("instance", l->instance));
        l->failing = false;
    }
}

/* False: the lease ends. */
static bool wait_for_time(struct postgres_lease *l)
{
    int64_t until = l->beat_ns < l->read_ns ? l->beat_ns : l->read_ns;
    bool early = true;

    (void)pthread_mutex_lock(&l->lock);
    while (!l->stop && early)
        early = clock_cond_wait(&l->wake, &l->lock, until);
    bool go = !l->stop;
    (void)pthread_mutex_unlock(&l->lock);
    return go;
}

static void *keep_lease(void *arg)
{
    struct postgres_lease *l = arg;

    thread_name("table-lease");
    while (!l->ended && wait_for_time(l)) {
        struct err e = { 0 };
        int rc = beat(l, &e) < 0 ? -1 : 0;
        if (rc == 0 && !l->ended)
            rc = look_at_others(l, &e) < 0 || tidy_up(l, &e) < 0 ? -1 : 0;
        note(l, rc, &e);
        if (rc < 0) /* not at once again */
            l->beat_ns = l->read_ns = clock_mono_ns() + l->timeout_ns / 10;
    }
    return NULL;
}

static struct postgres_lease *create(const struct postgres_lease_config *c, struct err *e)
{
    int64_t timeout_ms = c->timeout_ms > 0 ? c->timeout_ms : POSTGRES_LEASE_TIMEOUT_MS;
    struct postgres_lease *l = calloc(1, sizeof *l);

    if (!l) {
        (void)err_set(e, ERR_NOMEM, "lease");
        return NULL;
    }
    l->slots = c->slots;
    l->timeout_ns = l->watch.timeout_ns = timeout_ms * NS_PER_MS;
    l->lost = c->lost;
    l->seen = c->seen;
    l->wants_outbox = c->wants_outbox;
    l->has_outbox = c->has_outbox;
    l->outdated = c->outdated;
    l->released = c->released;
    l->snapshot = c->snapshot;
    l->ctx = c->ctx;
    clock_cond_init(&l->wake);
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)snprintf(l->instance, sizeof l->instance, "%s", c->instance);
    l->directory = strdup(c->directory);
    if (l->directory)
        return l;
    (void)err_set(e, ERR_NOMEM, "lease");
    return postgres_lease_close(l);
}

/* What earlier servers on this directory had claimed is queued again at once. */
static int succeed(struct postgres_lease *l, struct err *e)
{
    const struct postgres_beat_server s = { .instance = l->instance, .directory = l->directory };

    limit_step(l);
    return postgres_beat_succeed(l->db, &s, e) < 0 ? -1 : look_at_others(l, e);
}

int postgres_lease_start(const struct postgres_lease_config *c, struct postgres_lease **ret_lease,
                         struct err *e)
{
    CLEANUP(postgres_lease_closep) struct postgres_lease *l = create(c, e);

    if (!l || db_connect(c->url, DB_WRITER, &l->db, e) < 0)
        return -1;
    limit_step(l);
    if (postgres_beat_read_clock(l->db, e) < 0 ||
        postgres_twin_refuse(l->db, l->directory, l->timeout_ns, e) < 0)
        return -1;
    l->started_ms = clock_shared_ms();
    int n = begin_instance(l, l->instance, e);
    if (n < 0 || (n == 0 && become_another(l, "another server has this name", e) < 0) ||
        succeed(l, e) < 0)
        return -1;
    l->beat_ns = l->read_ns = l->tidy_ns = clock_mono_ns();
    int rc = thread_start(&l->thread, keep_lease, l);
    if (rc != 0)
        return err_errno(e, ERR_NOMEM, rc, "lease thread");
    l->runs = true;
    *ret_lease = TAKE(l);
    return 0;
}

static void stop_thread(struct postgres_lease *l)
{
    if (!l->runs)
        return;
    (void)pthread_mutex_lock(&l->lock);
    l->stop = true;
    (void)pthread_cond_signal(&l->wake);
    (void)pthread_mutex_unlock(&l->lock);
    (void)pthread_join(l->thread, NULL);
}

struct postgres_lease *postgres_lease_close(struct postgres_lease *l)
{
    if (!l)
        return NULL;
    stop_thread(l);
    if (l->runs) { /* if it cannot be told, the others find out */
        limit_step(l);
        (void)!postgres_beat_end(l->db, l->instance, -1, NULL);
    }
    l->db = db_close(l->db);
    postgres_watch_clear(&l->watch);
    buf_clear(&l->changes.ids);
    (void)pthread_cond_destroy(&l->wake);
    (void)pthread_mutex_destroy(&l->lock);
    free(l->directory);
    free(l);
    return NULL;
}
