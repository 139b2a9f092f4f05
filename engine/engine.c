#include "engine/engine.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/build/build_cache.h"
#include "engine/cell/cell_orphans.h"
#include "engine/cell/cell_types.h"
#include "engine/docker/docker.h"
#include "engine/host/host_check.h"
#include "engine/pool/pool.h"
#include "engine/queue/job_source.h"
#include "engine/queue/readiness.h"
#include "engine/queue/selftest.h"
#include "engine/queue/worker.h"
#include "engine/queue/worker_fault.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"

#define TICK_MS 10000 /* how often Docker is asked when nothing seems wrong */
/* Doubled from one to the other: at first Docker may still be making what a dead server wanted. */
#define SWEEP_MIN_MS 1000
#define SWEEP_MS     60000
#define REST_MS      200 /* after a pause, doubled while pauses keep coming... */
#define REST_MAX_MS  5000
#define REST_WELL_MS 60000 /* ...until it went well for this long */
#define MAKERS_MAX   4
#define GRACE_NS     (5 * NS_PER_S) /* at the end, to remove cells, however late it is */

struct engine {
    const struct engine_config *config; /* borrowed, as are the next two */
    const struct language_table *languages;
    struct jobs *jobs;
    struct job_source *tables; /* owned, as is all below */
    struct readiness *ready;
    struct docker *docker;      /* the steward's */
    struct build_cache *builds; /* NULL: none */
    char *cell_dir, *host_dir;
    struct cell_host host;
    pthread_t steward;
    bool has_steward;
    struct worker_host_faults host_faults;
    _Atomic int64_t running;
    atomic_bool docker_answers;
    atomic_bool sweep_soon; /* a table was adopted, perhaps with containers */

    pthread_mutex_t lock;
    /* guarded by lock */
    struct pool *pool; /* NULL until Docker has answered for the first time */
    struct selftest *selftest;
    struct worker **workers;
    int64_t workers_len;
};

static int64_t now_ms(void) { return clock_mono_ns() / NS_PER_MS; }

/* ---- coming up: once, as soon as Docker answers ---- */

/* A limit that the kernel does not enforce would be one that we only claim to have. */
static int check_controllers(struct docker *d, struct err *e)
{
    json_t *found = NULL;
    if (docker_info(d, &found, e) < 0)
        return -1;
    json_auto_t *info = found;
    static const char *const needed[] = { "MemoryLimit", "PidsLimit", "CpuCfsQuota" };
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!json_is_true(json_object_get(info, needed[i])))
            return err_set(e, ERR_PLATFORM, "Docker cannot limit programs here: %s is off",
                           needed[i]);
    return 0;
}

static int find_dirs(struct engine *g, struct err *e)
{
    if (!g->cell_dir && host_dir_cells(g->config->cell_dir, &g->cell_dir, e) < 0)
        return -1;
    if (!g->host_dir && host_dir_docker(g->docker, g->cell_dir, &g->host_dir, e) < 0)
        return -1;
    g->host = (struct cell_host){ .dir = g->cell_dir,
                                  .host_dir = g->host_dir,
                                  .instance = g->config->instance,
                                  .table = jobs_table_id(g->jobs),
                                  .box = g->config->box ? g->config->box : "auto" };
    return 0;
}

static int start_workers_locked(struct engine *g, struct err *e)
{
    struct worker_config wc = { .engine = g->config,
                                .host = &g->host,
                                .pool = g->pool,
                                .builds = g->builds,
                                .ready = g->ready,
                                .tables = g->tables,
                                .host_faults = &g->host_faults,
                                .running = &g->running };

    while (g->workers_len < g->config->parallel) {
        if (worker_start(&wc, &g->workers[g->workers_len], e) < 0)
            return -1;
        g->workers_len++;
    }
    return 0;
}

static int start_all_locked(struct engine *g, struct err *e)
{
    int64_t makers = 1 + g->config->parallel / 2;
    struct pool_config pc = { .docker_host = g->config->docker_host,
                              .host = &g->host,
                              .parallel = g->config->parallel,
                              .creators = (int)(makers < MAKERS_MAX ? makers : MAKERS_MAX) };
    struct selftest_config sc = {
        .engine = g->config, .languages = g->languages, .host = &g->host, .ready = g->ready
    };

    if (!g->pool && pool_start(&pc, &g->pool, e) < 0)
        return -1;
    sc.pool = g->pool;
    if (!g->selftest && selftest_start(&sc, &g->selftest, e) < 0)
        return -1;
    return start_workers_locked(g, e);
}

/* May be called again after a failure: it goes on where it stopped. */
static int come_up(struct engine *g, struct err *e)
{
    if (check_controllers(g->docker, e) < 0 || find_dirs(g, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&g->lock);
    int rc = readiness_stopping(g->ready) ? err_set(e, ERR_CANCELLED, "stopping")
                                          : start_all_locked(g, e);
    (void)pthread_mutex_unlock(&g->lock);
    return rc;
}

/* ---- the steward: brings up, notices that Docker is back, sweeps ---- */

static bool is_up(struct engine *g)
{
    (void)pthread_mutex_lock(&g->lock);
    bool up = g->selftest && g->workers_len == g->config->parallel;
    (void)pthread_mutex_unlock(&g->lock);
    return up;
}

/* Ours carry our own table's id: whatever carries an adopted one's is of the server that is gone.
 */
static void sweep(struct engine *g)
{
    char id[TEXT_ID_SIZE];
    struct cell_host theirs = g->host;
    struct err e;
    int n = cell_orphans_remove(g->docker, &g->host, &e), more = 0;

    theirs.table = id;
    if (n >= 0 && job_source_adopted_id(g->tables, id))
        more = cell_orphans_remove(g->docker, &theirs, &e);
    if (n < 0 || more < 0)
        log_warning("sweep_failed", log_s("error", e.msg));
    else if (n + more > 0)
        log_info("cells_swept", log_i("removed", n + more));
}

static bool look(struct engine *g, struct err *e)
{
    bool well = docker_ping(g->docker, e) == 0 && (is_up(g) || come_up(g, e) == 0);
    atomic_store(&g->docker_answers, well);
    return well;
}

/* Not shortened by what else goes on. False: stopping. */
static bool rest(struct engine *g, int64_t ms)
{
    int64_t until = now_ms() + ms, left = ms;
    bool go = true;

    for (; go && left > 0; left = until - now_ms())
        go = readiness_wait_ms(g->ready, readiness_version(g->ready), left);
    return go;
}

static void *steward_main(void *arg)
{
    struct engine *g = arg;
    int64_t delay = REST_MS, resumed_at = 0, sweep_at = 0, sweep_ms = SWEEP_MIN_MS;
    struct err e;

    do {
        if (readiness_paused(g->ready) && !rest(g, delay))
            break;
        if (!look(g, &e)) {
            if (readiness_pause(g->ready, e.msg) && !readiness_stopping(g->ready))
                log_error("judging_paused", log_s("error", e.msg),
                          log_s("next", "it waits until Docker is well again"));
            delay = delay * 2 < REST_MAX_MS ? delay * 2 : REST_MAX_MS;
            continue;
        }
        if (readiness_resume(g->ready)) {
            delay = now_ms() - resumed_at > REST_WELL_MS ? REST_MS : delay * 2;
            delay = delay < REST_MAX_MS ? delay : REST_MAX_MS;
            resumed_at = now_ms();
            log_info("judging_resumed", log_i("rest_ms", delay));
        }
        if (atomic_exchange(&g->sweep_soon, false) || now_ms() >= sweep_at) {
            sweep(g);
            sweep_at = now_ms() + sweep_ms;
            sweep_ms = sweep_ms * 2 < SWEEP_MS ? sweep_ms * 2 : SWEEP_MS;
        }
    } while (readiness_wait_paused(g->ready, sweep_ms < TICK_MS ? sweep_ms : TICK_MS));
    return NULL;
}

/* ---- its life ---- */

/* On the table's writer thread. */
static void jobs_changed(void *ctx, const struct jobs_change *changes, size_t len)
{
    struct engine *g = ctx;
    size_t queued = 0;

    for (size_t i = 0; i < len; i++)
        queued += changes[i].state == JOB_QUEUED ? 1 : 0;
    if (queued > 0)
        readiness_signal(g->ready, queued);
}

static struct engine *engine_free(struct engine *g)
{
    if (!g)
        return NULL;
    (void)readiness_free(g->ready);
    (void)job_source_free(g->tables);
    (void)docker_free(g->docker);
    (void)build_cache_free(g->builds);
    worker_fault_close(&g->host_faults);
    (void)pthread_mutex_destroy(&g->lock);
    free(g->workers);
    free(g->cell_dir);
    free(g->host_dir);
    free(g);
    return NULL;
}

/* Without it everything works, only slower. */
static void open_builds(struct engine *g)
{
    struct err e;

    if (g->config->build_cache_bytes > 0 &&
        build_cache_open(jobs_dir(g->jobs), g->config->build_cache_bytes,
                         g->config->build_cache_keep_ms, &g->builds, &e) < 0)
        log_warning("build_cache_off", log_s("error", e.msg),
                    log_s("next", "every source is built"));
}

/* NULL with *e filled. */
static struct engine *make(const struct engine_config *c, const struct language_table *l,
                           struct jobs *j, struct err *e)
{
    struct engine *g = calloc(1, sizeof *g);
    struct worker **workers = calloc((size_t)c->parallel + 1, sizeof(struct worker *));
    if (!g || !workers) {
        (void)err_set(e, ERR_NOMEM, "the engine");
        free(g);
        free(workers);
        return NULL;
    }
    (void)pthread_mutex_init(&g->lock, NULL);
    worker_fault_open(&g->host_faults);
    g->config = c;
    g->languages = l;
    g->jobs = j;
    g->workers = workers;
    if (readiness_open(l, &g->ready, e) < 0 || job_source_open(j, &g->tables, e) < 0 ||
        docker_open(c->docker_host, &g->docker, e) < 0)
        return engine_free(g);
    open_builds(g);
    return g;
}

/* Docker may still be away; what it will never do is said at once. */
static int first_look(struct engine *g, struct err *e)
{
    if (look(g, e))
        return 0;
    if (e->kind == ERR_PLATFORM || e->kind == ERR_SETTING || e->kind == ERR_NOMEM)
        return -1;
    if (readiness_pause(g->ready, e->msg))
        log_warning("docker_away", log_s("error", e->msg),
                    log_s("next", "work is kept until it is back"));
    return 0;
}

int engine_start(const struct engine_config *c, const struct language_table *l, struct jobs *j,
                 struct engine **ret_engine, struct err *e)
{
    struct engine *g = make(c, l, j, e);

    if (!g)
        return -1;
    jobs_listen(j, jobs_changed, g);
    int rc = first_look(g, e);
    if (rc == 0) {
        rc = pthread_create(&g->steward, NULL, steward_main, g);
        g->has_steward = rc == 0;
        if (rc != 0)
            rc = err_errno(e, ERR_NOMEM, rc, "start the engine");
    }
    if (rc < 0) {
        (void)engine_stop(g, 0);
        return -1;
    }
    *ret_engine = g;
    return 0;
}

/* ---- a second table ---- */

int engine_adopt(struct engine *g, struct jobs *j, struct err *e)
{
    jobs_listen(j, jobs_changed, g);
    if (job_source_adopt(g->tables, j, e) < 0)
        return -1;
    atomic_store(&g->sweep_soon, true);
    readiness_signal(g->ready, (size_t)g->config->parallel);
    return 0;
}

void engine_disown(struct engine *g) { job_source_disown(g->tables); }

/* ---- the end ---- */

/* What Docker would not remove when the pool asked, or made late: nobody sweeps when we are gone.
 */
static void sweep_own(struct engine *g, int64_t deadline_ns)
{
    struct cell_host next = g->host;
    struct err e;
    int n;

    docker_until(g->docker, deadline_ns);
    next.instance = ""; /* so ours is an earlier one */
    if (!next.dir || docker_ping(g->docker, &e) < 0)
        return;
    if ((n = cell_orphans_remove(g->docker, &next, &e)) < 0)
        log_warning("sweep_failed", log_s("error", e.msg));
    else if (n > 0)
        log_info("cells_swept", log_i("removed", n));
}

struct engine *engine_stop(struct engine *g, int64_t deadline_ns)
{
    if (!g)
        return NULL;
    readiness_stop(g->ready);
    docker_until(g->docker, 0); /* the steward's: whatever it asks, nobody needs the answer */
    if (g->has_steward)
        (void)pthread_join(g->steward, NULL);
    (void)pthread_mutex_lock(&g->lock);
    int64_t len = g->workers_len;
    g->workers_len = 0; /* nobody cancels at them any more */
    struct selftest *selftest = g->selftest;
    g->selftest = NULL;
    (void)pthread_mutex_unlock(&g->lock);

    (void)selftest_stop(selftest);
    for (int64_t i = 0; i < len; i++)
        (void)worker_stop(g->workers[i], deadline_ns);
    (void)pthread_mutex_lock(&g->lock);
    struct pool *pool = g->pool; /* engine_health() asks it until now */
    g->pool = NULL;
    (void)pthread_mutex_unlock(&g->lock);
    int64_t grace = clock_mono_ns() + GRACE_NS;
    int64_t last = grace > deadline_ns ? grace : deadline_ns;
    (void)pool_stop_until(pool, last);
    sweep_own(g, last);
    return engine_free(g);
}

/* ---- questions ---- */

void engine_cancel(struct engine *g, int64_t seq)
{
    (void)pthread_mutex_lock(&g->lock);
    for (int64_t i = 0; i < g->workers_len; i++)
        if (worker_cancel(g->workers[i], seq))
            break;
    (void)pthread_mutex_unlock(&g->lock);
}

void engine_reason(struct engine *g, const char *language, char *out, size_t size)
{
    if (g->config->parallel == 0)
        (void)snprintf(out, size, "RUNNER_MAX_PARALLEL is 0: nothing is judged here");
    else
        readiness_reason(g->ready, language, out, size);
}

void engine_health(struct engine *g, struct engine_health *ret_health)
{
    struct engine_health h = { .docker = atomic_load(&g->docker_answers),
                               .running = atomic_load(&g->running) };
    struct pool_stats stats = { 0 };
    struct build_cache_stats builds = { 0 };

    (void)pthread_mutex_lock(&g->lock);
    if (g->pool)
        pool_stats(g->pool, &stats);
    (void)pthread_mutex_unlock(&g->lock);
    if (g->builds) {
        build_cache_stats(g->builds, &builds);
        h.builds_max_bytes = g->config->build_cache_bytes;
    }
    h.builds_kept = builds.entries;
    h.builds_bytes = builds.bytes;
    h.builds_found = builds.hits;
    h.builds_made = builds.misses;
    h.builds_evicted = builds.evicted;
    h.cells_idle = stats.idle;
    h.cells_taken = stats.taken;
    h.cells_removing = stats.removing;
    h.cells_made = stats.made;
    h.cells_died = stats.died;
    bool paused = readiness_paused(g->ready);
    h.ready = h.docker && !paused && readiness_has_images(g->ready);
    if (!h.docker || paused)
        readiness_reason(g->ready, NULL, h.why, sizeof h.why);
    else if (!h.ready)
        (void)snprintf(h.why, sizeof h.why, "no language's images are on this host yet");
    *ret_health = h;
}

json_t *engine_languages(struct engine *g) { return readiness_languages(g->ready); }
