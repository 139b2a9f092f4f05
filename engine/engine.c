#include "engine/engine.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/build/build_share.h"
#include "engine/cell/cell_orphans.h"
#include "engine/cell/cell_types.h"
#include "engine/docker/docker.h"
#include "engine/host/host_dir.h"
#include "engine/host/host_runtime.h"
#include "engine/pool/permits.h"
#include "engine/pool/pool.h"
#include "engine/queue/look_ahead.h"
#include "engine/queue/readiness.h"
#include "engine/queue/selftest.h"
#include "engine/queue/worker.h"
#include "engine/queue/worker_fault.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"

#define TICK_MS 10000 /* between two pings of Docker while it answers */
/* Interval between two removals of orphans. It doubles: in the first minute Docker may still
 * create containers that a killed server asked for. */
#define SWEEP_MIN_MS   1000
#define SWEEP_MS       60000
#define PAUSE_MS       200 /* wait before judging resumes; doubled while pauses keep coming... */
#define PAUSE_MAX_MS   5000
#define PAUSE_RESET_MS 60000 /* ...until there was none for this long */
#define CREATORS_MAX   4
#define GRACE_NS       (5 * NS_PER_S) /* to remove cells at the end, whatever the deadline */

struct engine {
    const struct engine_config *config; /* borrowed, as are the next two */
    const struct language_table *languages;
    struct jobs *jobs;
    struct readiness *readiness; /* owned, as is all below */
    struct look_ahead *look_ahead;
    struct docker *docker;      /* for one thread at a time: start, supervisor, stop */
    struct build_share *builds; /* NULL: no cache */
    struct permits *permits;
    char *cell_dir, *host_dir;
    struct cell_host host;
    pthread_t supervisor;
    bool has_supervisor;
    struct worker_host_faults host_faults;
    _Atomic int64_t running;
    _Atomic int64_t supervised_ms; /* when the supervisor came round last */
    atomic_bool docker_answers;

    pthread_mutex_t lock;
    /* guarded by lock */
    struct pool *pool; /* NULL until Docker has answered once */
    struct selftest *selftest;
    struct worker **workers;
    int64_t workers_len;
};

static int64_t engine_now_ms(void) { return clock_mono_ns() / NS_PER_MS; }

/* ---- start: once, as soon as Docker answers ---- */

static int find_dirs(struct engine *g, struct err *e)
{
    if (!g->cell_dir && host_dir_cells(g->config->cell_dir, &g->cell_dir, e) < 0)
        return -1;
    if (!g->host_dir && host_dir_docker(g->docker, g->cell_dir, &g->host_dir, e) < 0)
        return -1;
    g->host = (struct cell_host){ .dir = g->cell_dir,
                                  .host_dir = g->host_dir,
                                  .instance = g->config->instance,
                                  .table = jobs_dir_id(g->jobs),
                                  .box = g->config->box ? g->config->box : "auto",
                                  .runtime = g->config->runtime };
    return 0;
}

static int start_workers_locked(struct engine *g, struct err *e)
{
    struct worker_config wc = { .engine = g->config,
                                .host = &g->host,
                                .pool = g->pool,
                                .builds = g->builds,
                                .permits = g->permits,
                                .readiness = g->readiness,
                                .look_ahead = g->look_ahead,
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
    /* Making and removing cells takes CPU, hardly any waiting: more at once than cores only
     * takes it from the runs. */
    int64_t creators = 1 + g->config->parallel / 2, cores = sysconf(_SC_NPROCESSORS_ONLN);
    creators = creators < cores || cores < 1 ? creators : cores;
    struct pool_config pc = { .docker_host = g->config->docker_host,
                              .host = &g->host,
                              .parallel = g->config->parallel,
                              .creators =
                                  (int)(creators < CREATORS_MAX ? creators : CREATORS_MAX) };
    struct selftest_config sc = {
        .engine = g->config, .languages = g->languages, .host = &g->host, .readiness = g->readiness
    };

    if (!g->pool && pool_start(&pc, &g->pool, e) < 0)
        return -1;
    sc.pool = g->pool;
    if (!g->selftest && selftest_start(&sc, &g->selftest, e) < 0)
        return -1;
    return start_workers_locked(g, e);
}

/* May be called again after a failure: it continues where it stopped. */
static int bring_up(struct engine *g, struct err *e)
{
    if (host_runtime_fits(g->docker, g->config->runtime, e) < 0 || find_dirs(g, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&g->lock);
    int rc = readiness_stopping(g->readiness) ? err_set(e, ERR_CANCELLED, "stopping")
                                              : start_all_locked(g, e);
    (void)pthread_mutex_unlock(&g->lock);
    return rc;
}

/* ---- the supervisor: starts the rest, notices that Docker is back, removes orphans ---- */

static bool is_up(struct engine *g)
{
    (void)pthread_mutex_lock(&g->lock);
    bool up = g->selftest && g->workers_len == g->config->parallel;
    (void)pthread_mutex_unlock(&g->lock);
    return up;
}

static void remove_orphans(struct engine *g)
{
    struct err e;
    int n = cell_orphans_remove(g->docker, &g->host, &e);

    if (n < 0)
        log_warning("sweep_failed", log_s("error", e.msg));
    else if (n > 0)
        log_info("cells_swept", log_i("removed", n));
}

static bool poll_docker(struct engine *g, struct err *e)
{
    bool answers = docker_ping(g->docker, e) == 0 && (is_up(g) || bring_up(g, e) == 0);
    atomic_store(&g->docker_answers, answers);
    return answers;
}

/* Waits all of ms, also when others wake it. False: stopping. */
static bool wait_after_pause(struct engine *g, int64_t ms)
{
    int64_t until = engine_now_ms() + ms, left = ms;
    bool go = true;

    for (; go && left > 0; left = until - engine_now_ms())
        go = readiness_wait_ms(g->readiness, readiness_version(g->readiness), left);
    return go;
}

static void *supervisor_main(void *arg)
{
    struct engine *g = arg;
    int64_t delay = PAUSE_MS, resumed_at = 0, sweep_at = 0, sweep_ms = SWEEP_MIN_MS;
    struct err e;

    thread_name("supervisor");
    do {
        atomic_store(&g->supervised_ms, engine_now_ms());
        if (readiness_paused(g->readiness) && !wait_after_pause(g, delay))
            break;
        if (!poll_docker(g, &e)) {
            if (readiness_pause(g->readiness, e.msg) && !readiness_stopping(g->readiness))
                log_error("judging_paused", log_s("error", e.msg),
                          log_s("next", "it waits until Docker is well again"));
            delay = delay * 2 < PAUSE_MAX_MS ? delay * 2 : PAUSE_MAX_MS;
            continue;
        }
        if (readiness_resume(g->readiness)) {
            delay = engine_now_ms() - resumed_at > PAUSE_RESET_MS ? PAUSE_MS : delay * 2;
            delay = delay < PAUSE_MAX_MS ? delay : PAUSE_MAX_MS;
            resumed_at = engine_now_ms();
            log_info("judging_resumed", log_i("rest_ms", delay));
        }
        if (engine_now_ms() >= sweep_at) {
            remove_orphans(g);
            sweep_at = engine_now_ms() + sweep_ms;
            sweep_ms = sweep_ms * 2 < SWEEP_MS ? sweep_ms * 2 : SWEEP_MS;
        }
    } while (readiness_wait_paused(g->readiness, sweep_ms < TICK_MS ? sweep_ms : TICK_MS));
    return NULL;
}

/* ---- open and close ---- */

/* On the table's writer thread. */
/* Somebody has cancelled the row, or has released it because we were silent for too long. */
static void stop_claim(struct engine *g, int64_t seq, int64_t claim)
{
    if (look_ahead_cancel(g->look_ahead, claim))
        return;
    (void)pthread_mutex_lock(&g->lock);
    for (int64_t i = 0; i < g->workers_len; i++)
        if (worker_cancel(g->workers[i], seq, claim))
            break;
    (void)pthread_mutex_unlock(&g->lock);
}

static void jobs_changed(void *ctx, const struct jobs_change *changes, size_t len)
{
    struct engine *g = ctx;
    int64_t queued = 0;

    for (size_t i = 0; i < len; i++) {
        queued += changes[i].state == JOB_QUEUED ? 1 : 0;
        if (changes[i].claim != 0)
            stop_claim(g, changes[i].seq, changes[i].claim);
    }
    if (queued > 0)
        look_ahead_queued(g->look_ahead, queued);
}

static struct engine *engine_free(struct engine *g)
{
    if (!g)
        return NULL;
    (void)look_ahead_free(g->look_ahead);
    (void)readiness_free(g->readiness);
    (void)docker_free(g->docker);
    (void)build_share_free(g->builds);
    (void)permits_free(g->permits);
    worker_fault_close(&g->host_faults);
    (void)pthread_mutex_destroy(&g->lock);
    free(g->workers);
    free(g->cell_dir);
    free(g->host_dir);
    free(g);
    return NULL;
}

/* Without the cache everything works, only slower. */
static void open_builds(struct engine *g)
{
    struct err e;

    if (g->config->build_cache_bytes > 0 &&
        build_share_open(jobs_dir(g->jobs), g->config->build_cache_bytes,
                         g->config->build_cache_keep_ms, &g->builds, &e) < 0)
        log_warning("build_cache_off", log_s("error", e.msg),
                    log_s("next", "every source is built"));
}

/* NULL with *e filled. */
static struct engine *engine_create(const struct engine_config *c, const struct language_table *l,
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
    atomic_store(&g->supervised_ms, engine_now_ms());
    if (readiness_open(l, &g->readiness, e) < 0 ||
        look_ahead_open(j, g->readiness, c->parallel, &g->look_ahead, e) < 0 ||
        permits_open(c->parallel, &g->permits, e) < 0 ||
        docker_open(c->docker_host, &g->docker, e) < 0)
        return engine_free(g);
    open_builds(g);
    return g;
}

/* Docker may not answer yet; what can never work is an error at once. */
static int poll_docker_first(struct engine *g, struct err *e)
{
    if (poll_docker(g, e))
        return 0;
    if (e->kind == ERR_PLATFORM || e->kind == ERR_SETTING || e->kind == ERR_NOMEM)
        return -1;
    if (readiness_pause(g->readiness, e->msg))
        log_warning("docker_away", log_s("error", e->msg),
                    log_s("next", "work is kept until it is back"));
    return 0;
}

int engine_start(const struct engine_config *c, const struct language_table *l, struct jobs *j,
                 struct engine **ret_engine, struct err *e)
{
    struct engine *g = engine_create(c, l, j, e);

    if (!g)
        return -1;
    jobs_listen(j, jobs_changed, g);
    jobs_claim_with(j, look_ahead_claim, g->look_ahead);
    int rc = poll_docker_first(g, e);
    if (rc == 0) {
        rc = pthread_create(&g->supervisor, NULL, supervisor_main, g);
        g->has_supervisor = rc == 0;
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

/* ---- the end ---- */

/* Removes containers that the pool could not remove or that Docker created late: no supervisor
 * will do it later. */
static void remove_own_cells(struct engine *g, int64_t deadline_ns)
{
    struct cell_host next = g->host;
    struct err e;
    int n;

    docker_until(g->docker, deadline_ns);
    next.instance = ""; /* so that our own instance counts as an earlier one */
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
    readiness_stop(g->readiness);
    jobs_unlisten(g->jobs, g);
    docker_until(g->docker, 0); /* ends a call of the supervisor: its answer is not needed */
    if (g->has_supervisor)
        (void)pthread_join(g->supervisor, NULL);
    (void)pthread_mutex_lock(&g->lock);
    int64_t len = g->workers_len;
    g->workers_len = 0; /* stop_claim() skips them from now on */
    struct selftest *selftest = g->selftest;
    g->selftest = NULL;
    (void)pthread_mutex_unlock(&g->lock);

    look_ahead_stop(g->look_ahead);
    (void)selftest_stop(selftest);
    for (int64_t i = 0; i < len; i++)
        (void)worker_stop(g->workers[i], deadline_ns);
    (void)pthread_mutex_lock(&g->lock);
    struct pool *pool = g->pool; /* engine_health() has used it until now */
    g->pool = NULL;
    (void)pthread_mutex_unlock(&g->lock);
    int64_t grace = clock_mono_ns() + GRACE_NS;
    int64_t last = grace > deadline_ns ? grace : deadline_ns;
    (void)pool_stop_until(pool, last);
    remove_own_cells(g, last);
    return engine_free(g);
}

/* ---- reason, health ---- */

void engine_reason(struct engine *g, const char *language, char *out, size_t size)
{
    if (g->config->parallel == 0)
        (void)snprintf(out, size, "RUNNER_MAX_PARALLEL is 0: nothing is judged here");
    else
        readiness_reason(g->readiness, language, out, size);
}

void engine_health(struct engine *g, struct engine_health *ret_health)
{
    struct engine_health h = { .docker = atomic_load(&g->docker_answers),
                               .running = atomic_load(&g->running),
                               .silent_ms = engine_now_ms() - atomic_load(&g->supervised_ms) };
    struct pool_stats stats = { 0 };
    struct build_cache_stats builds = { 0 };

    (void)pthread_mutex_lock(&g->lock);
    if (g->pool)
        pool_stats(g->pool, &stats);
    (void)pthread_mutex_unlock(&g->lock);
    if (g->builds) {
        build_share_stats(g->builds, &builds);
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
    bool paused = readiness_paused(g->readiness);
    h.ready = h.docker && !paused && readiness_has_images(g->readiness);
    if (!h.docker || paused)
        readiness_reason(g->readiness, NULL, h.why, sizeof h.why);
    else if (!h.ready)
        (void)snprintf(h.why, sizeof h.why, "no language's images are on this host yet");
    *ret_health = h;
}

json_t *engine_languages(struct engine *g) { return readiness_languages(g->readiness); }
