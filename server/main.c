/* server/main.c - starts and ends scrc: reads the settings and connects the parts.
 *
 * Room     server: the settings, and the start and end of all parts. May know everything.
 *
 * Exit codes: 0 clean, 1 fault, 2 wrong setting or usage, 3 this platform cannot judge.
 */
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "bridge/bridge.h"
#include "client/client.h"
#include "engine/engine.h"
#include "engine/language/language.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/text.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_signal.h"
#include "schema/store/outbox.h"
#include "schema/store/postgres/db_postgres_url.h"
#include "server/api/api.h"
#include "server/api/context.h"
#include "server/command_line.h"
#include "server/config.h"
#include "server/healthy.h"
#include "server/http/listen.h"
#include "server/kafka_check.h"
#include "server/kafka_config.h"
#include "server/lifecycle.h"
#include "server/live/hub.h"
#include "server/live/hub_remote.h"
#include "server/live/stats.h"
#include "server/live/waiters.h"
#include "server/preflight.h"
#include "server/store_backup.h"
#include "server/store_check.h"
#include "server/store_move.h"
#include "server/store_open.h"
#include "server/watchdog.h"

/* Time to publish the outbox, also when the runs used up SHUTDOWN_TIMEOUT. */
#define FLUSH_NS (3 * NS_PER_S)
/* Time between two checks whether all that was accepted is finished. */
#define FINISH_POLL_NS (50 * NS_PER_MS)

/* All that has to be ended, in the order in which it is made. */
struct scrc {
    struct config config;
    struct engine_config engine_config;
    char instance[TEXT_ID_SIZE];
    struct language_table *languages;
    int listen_fd;
    struct jobs *jobs;
    struct waiters *waiters;
    struct bridge *bridge; /* NULL: Kafka is off */
    struct hub *hub;
    struct stats *stats;
    struct engine *engine;
    struct api *api;
    struct watchdog *watchdog; /* NULL: no service manager has started us */
};

/* ---- settings ---- */

/* After open_languages(). */
static struct kafka_config_settings kafka_settings_of(const struct scrc *scrc)
{
    return (struct kafka_config_settings){ .config = &scrc->config,
                                           .languages = scrc->languages,
                                           .environment = environ };
}

static void warn_near_miss(void *ctx, const char *name, const char *meant)
{
    (void)ctx;
    log_warning("unknown_setting", log_s("name", name), log_s("did_you_mean", meant));
}

static void fill_engine_config(struct scrc *scrc)
{
    const struct config *c = &scrc->config;

    scrc->engine_config = (struct engine_config){
        .docker_host = c->docker_host,
        .cell_dir = c->cell_dir,
        .box = c->isolation,
        .runtime = c->runner_runtime,
        .instance = scrc->instance,
        .version = SCRC_VERSION,
        .parallel = c->runner_max_parallel,
        .default_time_ms = c->runner_time_limit_ms,
        .max_time_ms = c->max_time_limit_ms,
        .default_memory_bytes = c->runner_memory_limit,
        .max_memory_bytes = c->max_memory_limit,
        .output_bytes = c->max_output_bytes,
        .report_output_bytes = c->report_output_bytes,
        .report_bytes = c->report_bytes,
        .build_time_ms = c->build_time_limit_ms,
        .build_memory_bytes = c->build_memory_limit,
        .build_artefact_bytes = c->build_artefact_bytes,
        .build_cache_bytes = c->build_cache_bytes,
        .build_cache_keep_ms = c->retention_ms,
        .pids = c->runner_pids_limit,
        .cell_uses = c->runner_cell_uses,
    };
}

static int open_languages(struct scrc *scrc, struct err *e)
{
    const struct config *c = &scrc->config;
    struct language_override overrides[ARRAY_LEN(config_languages)];

    for (size_t i = 0; i < ARRAY_LEN(overrides); i++)
        overrides[i] = (struct language_override){ .name = config_languages[i],
                                                   .image = c->language[i].image,
                                                   .run_image = c->language[i].run_image,
                                                   .workdir = c->language[i].workdir };
    if (language_table_open(c->languages_dir, overrides, ARRAY_LEN(overrides), &scrc->languages,
                            e) < 0)
        return -1;
    if (c->languages && language_table_choose(scrc->languages, c->languages, e) < 0)
        return err_wrap(e, "LANGUAGES");
    return 0;
}

/* Each connection is a descriptor. The usual soft limit of 1024 is for programs that use select().
 */
static void raise_file_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

/* ---- start and end ---- */

/* Another server holds the table: most likely the predecessor of this one, which is about to end.
 */
static void warn_waiting(void *ctx, const char *dir, const char *holder)
{
    const struct scrc *scrc = ctx;

    log_warning("waiting_for_table", log_s("DATA_DIR", dir), log_s("held_by", holder),
                log_i("at_most_ms", scrc->config.shutdown_timeout_ms),
                log_s("means", "one server at a time: it is taken over when that one ends"));
}

static int open_table(struct scrc *scrc, struct err *e)
{
    const bool kafka = scrc->config.kafka_brokers != NULL;
    const struct jobs_config c = { .dir = scrc->config.data_dir,
                                   .instance = scrc->instance,
                                   .url = scrc->config.store,
                                   .lease_timeout_ms = scrc->config.lease_timeout_ms,
                                   .slots = scrc->config.runner_max_parallel,
                                   .max_queued = scrc->config.max_queued,
                                   .retention_ms = scrc->config.retention_ms,
                                   .lock_wait_ms = scrc->config.shutdown_timeout_ms,
                                   .waits = warn_waiting,
                                   .waits_ctx = scrc,
                                   .publish_all = kafka && scrc->config.kafka_publish_http };
    return store_open(&c, &scrc->jobs, e);
}

static int start_http(struct scrc *scrc, struct err *e)
{
    struct server s = { .config = &scrc->config,
                        .jobs = scrc->jobs,
                        .engine = scrc->engine,
                        .languages = scrc->languages,
                        .waiters = scrc->waiters,
                        .bridge = scrc->bridge,
                        .hub = scrc->hub,
                        .stats = scrc->stats,
                        .engine_config = &scrc->engine_config,
                        .identify = principal_anonymous,
                        .instance = scrc->instance };
    char name[LISTEN_NAME_SIZE], url[LISTEN_NAME_SIZE + 10], store[400] = "none";
    const char *docker = scrc->config.docker_host;
    struct jobs_counts rows;

    listen_name(scrc->listen_fd, name);
    (void)snprintf(url, sizeof url, "http://%s/", name);
    if (scrc->config.store)
        db_postgres_url_show(scrc->config.store, store, sizeof store);
    if (api_start(&s, TAKE_FD(scrc->listen_fd), &scrc->api, e) < 0)
        return -1;
    if (!docker)
        docker = "unix:///var/run/docker.sock";
    jobs_counts(scrc->jobs, &rows);
    log_info("listening", log_s("address", name), log_s("url", url), log_s("version", SCRC_VERSION),
             log_s("DATA_DIR", jobs_dir(scrc->jobs)), log_s("STORE", store),
             log_i("rows", rows.queued + rows.running + rows.final), log_i("queued", rows.queued),
             log_s("DOCKER_HOST", docker));
    return 0;
}

/* The bridge calls it until bridge_stop_consuming(), so the engine exists. */
static bool can_judge(void *ctx, char *why, size_t size)
{
    struct scrc *scrc = ctx;

    why[0] = '\0';
    if (scrc->config.runner_max_parallel > 0)
        engine_reason(scrc->engine, NULL, why, size);
    return why[0] == '\0';
}

/* All listeners are registered before the engine starts, so that they miss no change. */
static int start_all(struct scrc *scrc, struct err *e)
{
    const struct bridge_hooks hooks = { .ended = lifecycle_input_ended,
                                        .able = can_judge,
                                        .ctx = scrc };
    const struct config *c = &scrc->config;

    if (open_languages(scrc, e) < 0)
        return -1;
    const struct kafka_config_settings kafka = kafka_settings_of(scrc);
    if (kafka_config_check(&kafka, e) < 0)
        return -1;
    if (listen_bind(c->http_listen, c->allow_anonymous, &scrc->listen_fd, e) < 0)
        return -1;
    if (open_table(scrc, e) < 0 || waiters_open(&scrc->waiters, e) < 0)
        return -1;
    lifecycle_serving();
    if (hub_open(scrc->jobs, &scrc->config, &hub_times, &scrc->hub, e) < 0 ||
        stats_open(scrc->languages, &scrc->stats, e) < 0)
        return -1;
    /* Called in this order: a client that waiters or hub wake up finds the change counted. */
    jobs_listen(scrc->jobs, stats_changed, scrc->stats);
    jobs_listen(scrc->jobs, waiters_changed, scrc->waiters);
    jobs_listen(scrc->jobs, hub_changed, scrc->hub);
    jobs_signal_listen(scrc->jobs, hub_remote_hear, scrc->hub);
    scrc->engine_config.on_event = hub_engine_event;
    scrc->engine_config.event_ctx = scrc->hub;
    if (kafka_config_open(&kafka, scrc->jobs, &hooks, &scrc->bridge, e) < 0 ||
        engine_start(&scrc->engine_config, scrc->languages, scrc->jobs, &scrc->engine, e) < 0 ||
        stats_start(scrc->stats, scrc->jobs, scrc->engine, e) < 0 || start_http(scrc, e) < 0)
        return -1;
    if (scrc->bridge && bridge_start(scrc->bridge, e) < 0)
        return -1;
    return watchdog_start(scrc->jobs, scrc->engine, &scrc->watchdog, e);
}

/* Clients go on waiting while the runs in progress end. */
static void stop_all(struct scrc *scrc)
{
    int64_t deadline = clock_mono_ns() + scrc->config.shutdown_timeout_ms * NS_PER_MS;

    watchdog_stopping(scrc->watchdog);
    if (scrc->api)
        api_drain(scrc->api);
    if (scrc->bridge)
        bridge_stop_consuming(scrc->bridge, deadline);
    if (scrc->stats)
        stats_stop(scrc->stats);
    scrc->engine = engine_stop(scrc->engine, deadline);
    if (scrc->bridge)
        bridge_stop(scrc->bridge,
                    clock_mono_ns() + FLUSH_NS > deadline ? clock_mono_ns() + FLUSH_NS : deadline);
    scrc->api = api_stop(scrc->api);
    if (scrc->hub)
        hub_stop(scrc->hub);
    scrc->jobs = jobs_close(scrc->jobs);
    scrc->bridge = bridge_free(scrc->bridge);
    scrc->hub = hub_free(scrc->hub);
    scrc->stats = stats_free(scrc->stats);
    scrc->waiters = waiters_free(scrc->waiters);
    closep(&scrc->listen_fd);
    scrc->languages = language_table_free(scrc->languages);
    config_clear(&scrc->config);
    scrc->watchdog = watchdog_free(scrc->watchdog);
}

static enum exit_code log_fault(const struct err *e)
{
    log_error("fault", log_s("kind", err_kind_name(e->kind)), log_s("error", e->msg));
    return e->kind == ERR_SETTING    ? EXIT_SETTING
           : e->kind == ERR_PLATFORM ? EXIT_UNFIT
                                     : EXIT_FAULT;
}

/* Those that need neither Docker nor Kafka; they may end at any moment. */
static enum exit_code run_on_table(const struct config *c, const struct command_line *line)
{
    struct err e;
    int rc;

    if (line->task == COMMAND_LINE_MOVE)
        rc = store_move(c, line->words[0], line->words[1], stdout, &e);
    else if (line->task == COMMAND_LINE_BACKUP)
        rc = store_backup(c, line->words[0], stdout, &e);
    else
        rc = store_backup_restore(c, line->words[0], stdout, &e);
    return rc < 0 ? log_fault(&e) : EXIT_CLEAN;
}

static enum exit_code run_check(struct scrc *scrc)
{
    struct host_diagnostic found[KAFKA_CHECK_MAX + STORE_CHECK_MAX];
    struct err e;

    if (open_languages(scrc, &e) < 0)
        return log_fault(&e);
    const struct kafka_config_settings kafka = kafka_settings_of(scrc);
    if (kafka_config_check(&kafka, &e) < 0)
        return log_fault(&e);
    size_t len = store_check_run(&scrc->config, true, found);
    len += kafka_check_run(&kafka, found + len);
    return preflight_print(&scrc->engine_config, scrc->languages, found, len, stdout) ? EXIT_CLEAN
                                                                                      : EXIT_UNFIT;
}

static enum exit_code run_healthy(const struct config *c)
{
    struct err e;

    return healthy_ask(c->http_listen, stdout, &e) < 0 ? log_fault(&e) : EXIT_CLEAN;
}

static bool is_all_finished(struct scrc *scrc)
{
    int64_t rows = 0, oldest = 0;
    struct jobs_counts counts;

    jobs_counts(scrc->jobs, &counts);
    outbox_counts(scrc->jobs, &rows, &oldest);
    return counts.queued == 0 && counts.running == 0 && rows == 0;
}

/* After a message `done`, or SCRIPT_EXPECTED messages: nothing more is accepted; what was accepted
 * is judged and published. */
static void finish_input(struct scrc *scrc)
{
    log_info("finishing", log_s("why", "no more is to be read from Kafka"));
    api_drain(scrc->api);
    while (!is_all_finished(scrc) && !lifecycle_wait_ns(FINISH_POLL_NS))
        ;
}

static enum exit_code run_server(struct scrc *scrc)
{
    struct err e;

    if (lifecycle_watch(&e) < 0 || start_all(scrc, &e) < 0)
        return log_fault(&e);
    if (!lifecycle_wait())
        finish_input(scrc);
    return EXIT_CLEAN;
}

static enum exit_code run_command(struct scrc *scrc, const struct command_line *line)
{
    switch (line->task) {
    case COMMAND_LINE_SERVE:
        return run_server(scrc);
    case COMMAND_LINE_CHECK:
        return run_check(scrc);
    case COMMAND_LINE_HEALTHY:
        return run_healthy(&scrc->config);
    default:
        return run_on_table(&scrc->config, line);
    }
}

int main(int argc, char **argv)
{
    struct scrc scrc = { .listen_fd = -1 };
    struct err e;
    const struct command *command = argc > 1 ? client_find(argv[1]) : NULL;

    if (command) /* reads none of the settings below */
        return client_run(command, argc - 1, argv + 1);
    const struct command_line line = command_line_read(argc, argv);

    (void)umask(S_IRWXG | S_IRWXO); /* the table holds the programs and tests of all users */
    if (line.task == COMMAND_LINE_SERVE || line.task == COMMAND_LINE_CHECK)
        lifecycle_block_signals();
    /* Outputs and reports may be megabytes for a moment. Without this, malloc raises its threshold
     * and keeps such blocks when they are freed. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is only one thread so far */
    (void)mallopt(M_MMAP_THRESHOLD, (int)MIB);
    if (config_load(environ, &scrc.config, &e) < 0)
        return (int)log_fault(&e);
    log_init((enum log_level)scrc.config.log_level, scrc.config.log_json);
    config_near_misses(environ, warn_near_miss, NULL);
    raise_file_limit();
    if (text_init() < 0) {
        (void)err_set(&e, ERR_PLATFORM, "this host gives no random numbers");
        return (int)log_fault(&e);
    }
    json_object_seed(0);
    text_random_id(scrc.instance);
    fill_engine_config(&scrc);

    enum exit_code code = run_command(&scrc, &line);
    stop_all(&scrc);
    if (code == EXIT_CLEAN && line.task == COMMAND_LINE_SERVE)
        log_info("stopped", log_i("code", code));
    return (int)code;
}
