#include "server/api/diagnostics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "bridge/bridge.h"
#include "engine/engine.h"
#include "engine/host/host_check.h"
#include "engine/host/host_dir.h"
#include "engine/host/host_load.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/store/jobs.h"
#include "server/api/context.h"
#include "server/config.h"
#include "server/kafka_check.h"
#include "server/store_check.h"

#define FRESH_NS    (15 * NS_PER_S)
#define DISK_LOW    GIB
#define WAIT_LONG_S 60

struct diagnostics {
    pthread_mutex_t lock;
    /* guarded by lock */
    json_t *last; /* owned; NULL: not collected yet */
    int64_t collected_ns, collected_ms;
};

static int append_diagnostic(json_t *list, const struct host_diagnostic *d)
{
    static const char *const states[] = {
        [HOST_OK] = "ok", [HOST_WARNING] = "warn", [HOST_UNFIT] = "bad"
    };

    return json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", d->name,
                                                 "state", states[d->level], "says", d->message,
                                                 "means", d->impact, "mend", d->remedy));
}

/* ---- this server's own ---- */

struct server_state {
    const struct server *server;
    struct engine *engine; /* borrowed; NULL: languages are unknown */
    struct jobs_counts counts;
};

static void check_table(const struct server_state *state, struct host_diagnostic *d)
{
    const struct config *c = state->server->config;
    struct statvfs fs = { .f_bavail = 0 };
    int64_t free_bytes =
        statvfs(c->data_dir, &fs) < 0 ? 0 : (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;

    if (!state->counts.writable) {
        host_diagnostic_add(d, HOST_UNFIT, "%.190s", state->counts.unwritable_why);
        host_diagnostic_advise(d, "nothing is accepted and no report can be stored",
                               c->store ? "see the database of STORE; it goes on by itself"
                                        : "make room under DATA_DIR; it goes on by itself");
        return;
    }
    host_diagnostic_add(d, free_bytes < DISK_LOW ? HOST_WARNING : HOST_OK,
                        "%lld MiB free under %.100s", (long long)(free_bytes / MIB), c->data_dir);
    if (free_bytes < DISK_LOW)
        host_diagnostic_advise(
            d,
            c->store ? "builds are not kept any more; the table is in STORE"
                     : "the job table may find no room; below 64 MiB nothing is accepted",
            c->store ? "a larger disk" : "a larger disk, or a shorter RETENTION");
    else if (!host_dir_kept(c->data_dir)) {
        d->level = HOST_WARNING;
        host_diagnostic_advise(d,
                               c->store ? "builds, and the id by which the containers of a killed "
                                          "server are found, go when this container is removed"
                                        : "the job table goes when this container is removed",
                               "mount a named volume at DATA_DIR");
    }
}

static void check_queue(const struct server_state *state, struct host_diagnostic *d)
{
    int64_t since = state->counts.oldest_queued_ms, now = clock_shared_ms();
    int64_t wait_s = since > 0 && now > since ? (now - since) / 1000 : 0;

    host_diagnostic_add(d, wait_s > WAIT_LONG_S ? HOST_WARNING : HOST_OK,
                        "%lld wait, the oldest for %lld s", (long long)state->counts.queued,
                        (long long)wait_s);
    if (wait_s > WAIT_LONG_S)
        host_diagnostic_advise(
            d, "more comes in than can be judged, or a language is not ready",
            "see the other findings and the languages; raise RUNNER_MAX_PARALLEL where "
            "cores are idle, or add servers");
}

static void check_languages(const struct server_state *state, struct host_diagnostic *d)
{
    json_auto_t *all = state->engine ? engine_languages(state->engine) : NULL;
    json_t *list = json_object_get(all, "languages");
    char failed[150] = "", pending[100] = "";
    size_t ok = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *one = json_array_get(list, i);
        const char *language_state = json_string_value(json_object_get(one, "state"));
        const char *name = json_string_value(json_object_get(one, "name"));
        if (!language_state || !name)
            continue;
        char *words = strcmp(language_state, "failed") == 0 ? failed : pending;
        size_t len = strlen(words);
        if (strcmp(language_state, "ok") == 0)
            ok++;
        else
            (void)snprintf(words + len, 100 - (len < 100 ? len : 99), " %.20s", name);
    }
    host_diagnostic_add(d, failed[0] || (ok == 0 && list) ? HOST_WARNING : HOST_OK,
                        "%zu of %zu ready%s%s%s%s", ok, json_array_size(list),
                        failed[0] ? "; failed:" : "", failed, pending[0] ? "; not yet:" : "",
                        pending);
    if (failed[0])
        host_diagnostic_advise(
            d, "submissions in these languages wait",
            "GET /languages says what failed; mend the image, it is tried again");
    else if (pending[0])
        host_diagnostic_advise(d,
                               "images are pulled and tried at the first start; submissions wait",
                               "pull the images before the start, or keep them on this host");
}

static void check_kafka(const struct server_state *state, struct host_diagnostic *d)
{
    struct bridge_health h;

    if (!state->server->bridge) {
        host_diagnostic_add(d, HOST_OK, "off: KAFKA_BROKERS is not set");
        return;
    }
    bridge_health(state->server->bridge, &h);
    if (!h.connected) {
        host_diagnostic_add(d, HOST_WARNING, "not connected");
        return;
    }
    host_diagnostic_add(d, HOST_OK, "connected, %zu partitions of %.60s%s", h.lags_len,
                        state->server->config->kafka_topic, h.paused ? "; reading is paused" : "");
    if (h.lags_len == 0)
        host_diagnostic_advise(
            d, "other members of the group have all partitions, or none is assigned yet",
            "at least as many partitions as servers");
}

/* One diagnostic for each part of the bridge that has a problem. */
static int append_kafka_parts(const struct server_state *state, json_t *list)
{
    static const char *const parts[BRIDGE_PARTS] = { [BRIDGE_CONNECTION] = "kafka, connection",
                                                     [BRIDGE_READING] = "kafka, reading",
                                                     [BRIDGE_PUBLISHING] = "kafka, publishing",
                                                     [BRIDGE_LETTERS] = "kafka, dead letters" };
    struct bridge_health h;
    int rc = 0;

    if (!state->server->bridge)
        return 0;
    bridge_health(state->server->bridge, &h);
    for (int i = 0; i < BRIDGE_PARTS && rc == 0; i++) {
        struct host_diagnostic d = { .name = parts[i] };
        if (!h.why[i][0])
            continue;
        host_diagnostic_add(&d, HOST_WARNING, "%.199s", h.why[i]);
        host_diagnostic_advise(
            &d, "what does not go through waits, and nothing is lost; HTTP goes on",
            i == BRIDGE_CONNECTION
                ? "mend the setting it names, or see that the brokers of KAFKA_BROKERS "
                  "run and are reached from here under the names they advertise"
                : "give the right or make the topic; it goes on by itself");
        rc = append_diagnostic(list, &d);
    }
    return rc;
}

static const struct {
    const char *name;
    void (*check)(const struct server_state *state, struct host_diagnostic *d);
} server_checks[] = { { "table", check_table },
                      { "queue", check_queue },
                      { "languages", check_languages },
                      { "kafka", check_kafka } };

/* Nothing without a connection: that has its own diagnostic above. */
static int append_topics(json_t *list, struct bridge *b)
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
        rc = append_diagnostic(list, &found[i]);
    return rc;
}

static int append_store(json_t *list, const struct config *c)
{
    struct host_diagnostic found[STORE_CHECK_MAX];
    size_t len = store_check_run(c, false, found);
    int rc = 0;

    for (size_t i = 0; i < len && rc == 0; i++)
        rc = append_diagnostic(list, &found[i]);
    return rc;
}

static json_t *collect_all(const struct server *s, struct engine *engine)
{
    struct host_diagnostic found[HOST_DIAGNOSTICS_MAX];
    struct server_state server_state = { .server = s, .engine = engine };
    json_t *list = json_array();
    size_t len = 0;
    int rc = list ? 0 : -1;

    jobs_counts(s->jobs, &server_state.counts);
    if (s->engine_config)
        len = host_check(s->engine_config, s->languages, found);
    for (size_t i = 0; i < len && rc == 0; i++)
        rc = append_diagnostic(list, &found[i]);
    for (size_t i = 0; i < ARRAY_LEN(server_checks) && rc == 0; i++) {
        struct host_diagnostic d = { .name = server_checks[i].name, .level = HOST_OK };
        server_checks[i].check(&server_state, &d);
        rc = append_diagnostic(list, &d);
    }
    if (rc == 0)
        rc = append_store(list, s->config);
    if (rc == 0)
        rc = append_kafka_parts(&server_state, list);
    if (rc == 0)
        rc = append_topics(list, s->bridge);
    if (rc == 0)
        return list;
    json_decref(list);
    return NULL;
}

json_t *diagnostics_collect(struct diagnostics *d, const struct server *s, struct engine *engine,
                            int64_t *ret_ms)
{
    (void)pthread_mutex_lock(&d->lock);
    if (!d->last || clock_mono_ns() - d->collected_ns > FRESH_NS) {
        json_t *list = collect_all(s, engine);
        if (list) {
            json_decref(d->last);
            d->last = list;
            d->collected_ns = clock_mono_ns();
            d->collected_ms = clock_wall_ms();
        }
    }
    *ret_ms = d->collected_ms;
    /* A copy, because jansson's reference counts are not atomic. */
    json_t *list = json_deep_copy(d->last);
    (void)pthread_mutex_unlock(&d->lock);
    return list;
}

struct diagnostics *diagnostics_open(void)
{
    struct diagnostics *d = calloc(1, sizeof *d);

    if (d)
        (void)pthread_mutex_init(&d->lock, NULL);
    return d;
}

struct diagnostics *diagnostics_free(struct diagnostics *d)
{
    if (!d)
        return NULL;
    json_decref(d->last);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
    return NULL;
}
