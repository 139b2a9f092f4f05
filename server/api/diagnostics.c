#include "server/api/diagnostics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "bridge/bridge.h"
#include "engine/engine.h"
#include "engine/host/host_check.h"
#include "engine/host/host_load.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/store/jobs.h"
#include "server/api/context.h"
#include "server/config.h"
#include "server/kafka_check.h"

#define FRESH_NS    (15 * NS_PER_S)
#define DISK_LOW    GIB
#define WAIT_LONG_S 60

struct diagnostics {
    pthread_mutex_t lock;
    /* guarded by lock */
    json_t *last; /* owned; NULL: none yet */
    int64_t found_ns, found_ms;
};

static int add(json_t *list, const struct host_diagnostic *f)
{
    static const char *const states[] = {
        [HOST_OK] = "ok", [HOST_WARNING] = "warn", [HOST_UNFIT] = "bad"
    };

    return json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", f->name,
                                                 "state", states[f->level], "says", f->message,
                                                 "means", f->impact, "mend", f->remedy));
}

/* ---- this server's own ---- */

struct look {
    const struct server *server;
    struct engine *engine; /* borrowed; NULL: it cannot be asked */
    struct jobs_counts counts;
};

static void look_table(const struct look *l, struct host_diagnostic *f)
{
    const char *dir = l->server->config->data_dir;
    struct statvfs fs = { .f_bavail = 0 };
    int64_t room = statvfs(dir, &fs) < 0 ? 0 : (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;

    if (!l->counts.writable) {
        host_diagnostic_add(f, HOST_UNFIT, "%.190s", l->counts.unwritable_why);
        host_diagnostic_advise(f, "nothing is accepted (507) and no report can be stored",
                               "make room under DATA_DIR; it goes on by itself");
        return;
    }
    host_diagnostic_add(f, room < DISK_LOW ? HOST_WARNING : HOST_OK, "%lld MiB free under %.100s",
                        (long long)(room / MIB), dir);
    if (room < DISK_LOW)
        host_diagnostic_advise(f,
                               "the job table may find no room; below 64 MiB nothing is accepted",
                               "a larger disk, or a shorter RETENTION");
    else if (!host_dir_kept(dir)) {
        f->level = HOST_WARNING;
        host_diagnostic_advise(f, "the job table goes when this container is removed",
                               "mount a named volume at DATA_DIR");
    }
}

static void look_queue(const struct look *l, struct host_diagnostic *f)
{
    int64_t since = l->counts.oldest_queued_ms, now = clock_wall_ms();
    int64_t wait_s = since > 0 && now > since ? (now - since) / 1000 : 0;

    host_diagnostic_add(f, wait_s > WAIT_LONG_S ? HOST_WARNING : HOST_OK,
                        "%lld wait, the oldest for %lld s", (long long)l->counts.queued,
                        (long long)wait_s);
    if (wait_s > WAIT_LONG_S)
        host_diagnostic_advise(
            f, "more comes in than can be judged, or a language is not ready",
            "see the other findings and the languages; raise RUNNER_MAX_PARALLEL where "
            "cores are idle, or add servers");
}

static void look_languages(const struct look *l, struct host_diagnostic *f)
{
    json_auto_t *all = l->engine ? engine_languages(l->engine) : NULL;
    json_t *list = json_object_get(all, "languages");
    char failed[150] = "", pending[100] = "";
    size_t ok = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *one = json_array_get(list, i);
        const char *state = json_string_value(json_object_get(one, "state"));
        const char *name = json_string_value(json_object_get(one, "name"));
        if (!state || !name)
            continue;
        char *words = strcmp(state, "failed") == 0 ? failed : pending;
        size_t len = strlen(words);
        if (strcmp(state, "ok") == 0)
            ok++;
        else
            (void)snprintf(words + len, 100 - (len < 100 ? len : 99), " %.20s", name);
    }
    host_diagnostic_add(f, failed[0] || (ok == 0 && list) ? HOST_WARNING : HOST_OK,
                        "%zu of %zu ready%s%s%s%s", ok, json_array_size(list),
                        failed[0] ? "; failed:" : "", failed, pending[0] ? "; not yet:" : "",
                        pending);
    if (failed[0])
        host_diagnostic_advise(
            f, "submissions in these languages wait",
            "GET /languages says what failed; mend the image, it is tried again");
    else if (pending[0])
        host_diagnostic_advise(f,
                               "images are pulled and tried at the first start; submissions wait",
                               "pull the images before the start, or keep them on this host");
}

static void look_kafka(const struct look *l, struct host_diagnostic *f)
{
    struct bridge_health h;

    if (!l->server->bridge) {
        host_diagnostic_add(f, HOST_OK, "off: KAFKA_BROKERS is not set");
        return;
    }
    bridge_health(l->server->bridge, &h);
    if (!h.connected) {
        host_diagnostic_add(f, HOST_WARNING, "not connected");
        return;
    }
    host_diagnostic_add(f, HOST_OK, "connected, %zu partitions of %.60s%s", h.lags_len,
                        l->server->config->kafka_topic, h.paused ? "; reading is paused" : "");
    if (h.lags_len == 0)
        host_diagnostic_advise(
            f, "other members of the group have all partitions, or none is assigned yet",
            "at least as many partitions as servers");
}

/* One finding for each part that is not well. */
static int add_kafka(const struct look *l, json_t *list)
{
    static const char *const parts[BRIDGE_PARTS] = { [BRIDGE_CONNECTION] = "kafka, connection",
                                                     [BRIDGE_READING] = "kafka, reading",
                                                     [BRIDGE_PUBLISHING] = "kafka, publishing",
                                                     [BRIDGE_LETTERS] = "kafka, dead letters" };
    struct bridge_health h;
    int rc = 0;

    if (!l->server->bridge)
        return 0;
    bridge_health(l->server->bridge, &h);
    for (int i = 0; i < BRIDGE_PARTS && rc == 0; i++) {
        struct host_diagnostic f = { .name = parts[i] };
        if (!h.why[i][0])
            continue;
        host_diagnostic_add(&f, HOST_WARNING, "%.199s", h.why[i]);
        host_diagnostic_advise(
            &f, "what does not go through waits, and nothing is lost; HTTP goes on",
            i == BRIDGE_CONNECTION
                ? "mend the setting it names, or see that the brokers of KAFKA_BROKERS "
                  "run and are reached from here under the names they advertise"
                : "give the right or make the topic; it goes on by itself");
        rc = add(list, &f);
    }
    return rc;
}

static const struct {
    const char *name;
    void (*look)(const struct look *l, struct host_diagnostic *f);
} looks[] = { { "table", look_table },
              { "queue", look_queue },
              { "languages", look_languages },
              { "kafka", look_kafka } };

/* A broker that is away has its finding above. */
static int add_topics(json_t *list, struct bridge *b)
{
    struct host_diagnostic found[KAFKA_CHECK_MAX];
    struct topics_view topics[TOPICS_COUNT];
    struct bridge_health h = { .connected = false };
    struct err e;
    int rc = 0;

    if (b)
        bridge_health(b, &h);
    if (!h.connected || bridge_topics(b, topics, &e) < 0)
        return 0;
    size_t len = kafka_check_rate(topics, found);
    for (size_t i = 0; i < len && rc == 0; i++)
        rc = add(list, &found[i]);
    return rc;
}

static json_t *gather(const struct server *s, struct engine *engine)
{
    struct host_diagnostic found[HOST_DIAGNOSTICS_MAX];
    struct look l = { .server = s, .engine = engine };
    json_t *list = json_array();
    size_t len = 0;
    int rc = list ? 0 : -1;

    jobs_counts(s->jobs, &l.counts);
    if (s->engine_config)
        len = host_check(s->engine_config, s->languages, found);
    for (size_t i = 0; i < len && rc == 0; i++)
        rc = add(list, &found[i]);
    for (size_t i = 0; i < ARRAY_LEN(looks) && rc == 0; i++) {
        struct host_diagnostic f = { .name = looks[i].name, .level = HOST_OK };
        looks[i].look(&l, &f);
        rc = add(list, &f);
    }
    if (rc == 0)
        rc = add_kafka(&l, list);
    if (rc == 0)
        rc = add_topics(list, s->bridge);
    if (rc == 0)
        return list;
    json_decref(list);
    return NULL;
}

json_t *diagnostics_collect(struct diagnostics *f, const struct server *s, struct engine *engine,
                            int64_t *ret_ms)
{
    (void)pthread_mutex_lock(&f->lock);
    if (!f->last || clock_mono_ns() - f->found_ns > FRESH_NS) {
        json_t *list = gather(s, engine);
        if (list) {
            json_decref(f->last);
            f->last = list;
            f->found_ns = clock_mono_ns();
            f->found_ms = clock_wall_ms();
        }
    }
    *ret_ms = f->found_ms;
    /* A copy: jansson's references are counted without a lock. */
    json_t *list = json_deep_copy(f->last);
    (void)pthread_mutex_unlock(&f->lock);
    return list;
}

struct diagnostics *diagnostics_open(void)
{
    struct diagnostics *f = calloc(1, sizeof *f);

    if (f)
        (void)pthread_mutex_init(&f->lock, NULL);
    return f;
}

struct diagnostics *diagnostics_free(struct diagnostics *f)
{
    if (!f)
        return NULL;
    json_decref(f->last);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
    return NULL;
}
