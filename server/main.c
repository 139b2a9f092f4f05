/* server/main.c - scrc: settings, wiring, the end.
 *
 * Exit codes: 0 clean, 1 fault, 2 setting or usage, 3 this platform cannot judge.
 */
#include <argp.h>
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "bridge/bridge.h"
#include "engine/engine.h"
#include "engine/language/language.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/text.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "schema/store/outbox.h"
#include "server/api/api.h"
#include "server/api/context.h"
#include "server/config.h"
#include "server/http/listen.h"
#include "server/kafka_check.h"
#include "server/kafka_config.h"
#include "server/lifecycle.h"
#include "server/live/hub.h"
#include "server/live/stats.h"
#include "server/live/waiters.h"
#include "server/preflight.h"
#include "server/slot_adoption.h"
#include "server/store_open.h"

#define FLUSH_NS     (3 * NS_PER_S) /* for the outbox, when the runs took all the time */
#define LAST_LOOK_NS (50 * NS_PER_MS)

/* All that has to be ended, in the order of its making. */
struct scrc {
    struct config config;
    struct engine_config engine_config;
    char instance[TEXT_ID_SIZE];
    struct language_table *languages;
    int listen_fd;
    struct jobs_config table;
    struct jobs *jobs;
    struct waiters *waiters;
    struct bridge *bridge; /* NULL: Kafka is off */
    struct hub *hub;
    struct stats *stats;
    struct engine *engine;
    struct api *api;
    struct slot_adoption *adoption; /* NULL without DATA_SLOTS */
};

/* ---- command line ---- */

/* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread yet */

enum { KEY_CHECK = 256, KEY_HELP, KEY_USAGE, KEY_VERSION };

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    bool *check = state->input;

    (void)argument;
    switch (key) {
    case KEY_CHECK:
        *check = true;
        return 0;
    case KEY_HELP:
        argp_state_help(state, stdout, ARGP_HELP_LONG | ARGP_HELP_USAGE | ARGP_HELP_DOC);
        (void)fputc('\n', stdout);
        config_print_help(stdout);
        exit(EXIT_CLEAN);
    case KEY_USAGE:
        argp_state_help(state, stdout, ARGP_HELP_USAGE);
        exit(EXIT_CLEAN);
    case KEY_VERSION:
        (void)puts("scrc " SCRC_VERSION);
        exit(EXIT_CLEAN);
    case ARGP_KEY_ARG:
        argp_error(state, "there are no arguments; settings are environment variables");
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool read_command_line(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "check", KEY_CHECK, NULL, 0,
          "Say what this host can do and how the topics are, and exit with 0, or 3 when it is "
          "unfit",
          0 },
        { "help", KEY_HELP, NULL, 0, "Print this and every setting", -1 },
        { "usage", KEY_USAGE, NULL, 0, "Print one line of how to call it", -1 },
        { "version", KEY_VERSION, NULL, 0, "Print the version", -1 },
        { .name = NULL }
    };
    static const struct argp argp = { .options = options,
                                      .parser = parse_option,
                                      .doc = "Judges submissions: builds and runs untrusted "
                                             "programs in locked-down containers." };
    bool check = false;

    argp_err_exit_status = EXIT_SETTING;
    (void)argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, &check);
    return check;
}

/* NOLINTEND(concurrency-mt-unsafe) */

/* ---- settings ---- */

/* When the languages are open. */
static struct kafka_config_settings kafka_settings_of(const struct scrc *x)
{
    return (struct kafka_config_settings){ .config = &x->config,
                                           .languages = x->languages,
                                           .environment = environ };
}

static void warn_near_miss(void *ctx, const char *name, const char *meant)
{
    (void)ctx;
    log_warning("unknown_setting", log_s("name", name), log_s("did_you_mean", meant));
}

static void fill_engine_config(struct scrc *x)
{
    const struct config *c = &x->config;

    x->engine_config = (struct engine_config){
        .docker_host = c->docker_host,
        .cell_dir = c->cell_dir,
        .box = c->box,
        .instance = x->instance,
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

static int open_languages(struct scrc *x, struct err *e)
{
    const struct config *c = &x->config;
    struct language_override overrides[ARRAY_LEN(config_languages)];

    for (size_t i = 0; i < ARRAY_LEN(overrides); i++)
        overrides[i] = (struct language_override){ .name = config_languages[i],
                                                   .image = c->language[i].image,
                                                   .run_image = c->language[i].run_image,
                                                   .workdir = c->language[i].workdir };
    if (language_table_open(c->languages_dir, overrides, ARRAY_LEN(overrides), &x->languages, e) <
        0)
        return -1;
    if (c->languages && language_table_choose(x->languages, c->languages, e) < 0)
        return err_wrap(e, "LANGUAGES");
    return 0;
}

/* Every connection is a descriptor, and the usual soft limit of 1024 is for programs that select.
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

/* Another server has the table: most likely the one that this one follows, and that ends. */
static void wait_for_holder(void *ctx, const char *dir, const char *holder)
{
    const struct scrc *x = ctx;

    log_warning("waiting_for_table", log_s("DATA_DIR", dir), log_s("held_by", holder),
                log_i("at_most_ms", x->config.shutdown_timeout_ms),
                log_s("means", "one server at a time: it is taken over when that one ends"));
}

static int open_table(struct scrc *x, struct err *e)
{
    bool kafka = x->config.kafka_brokers != NULL;

    x->table = (struct jobs_config){ .dir = x->config.data_dir,
                                     .instance = x->instance,
                                     .max_queued = x->config.max_queued,
                                     .retention_ms = x->config.retention_ms,
                                     .lock_wait_ms = x->config.shutdown_timeout_ms,
                                     .waits = wait_for_holder,
                                     .waits_ctx = x,
                                     .publish_all = kafka && x->config.kafka_publish_http };
    return store_open(&x->table, x->config.data_slots, kafka, &x->jobs, e);
}

/* What is not sent from it now is sent by whoever has the slot next. */
static void adopted(void *ctx, struct jobs *j)
{
    struct err e;

    if (bridge_adopt(ctx, j, &e) < 0)
        log_error("kafka_adoption", log_s("error", e.msg));
}

static void disowned(void *ctx, struct jobs *j)
{
    (void)j;
    bridge_disown(ctx);
}

static int start_adoption(struct scrc *x, struct err *e)
{
    struct slot_adoption_config c = { .table = &x->table,
                                      .engine = x->engine,
                                      .languages = x->languages,
                                      .interval_ms = x->config.adopt_interval_ms,
                                      .kafka = x->bridge,
                                      .opened = x->bridge ? adopted : NULL,
                                      .closing = x->bridge ? disowned : NULL,
                                      .ctx = x->bridge };

    if (!x->config.data_slots || x->config.runner_max_parallel == 0)
        return 0;
    return slot_adoption_start(&c, &x->adoption, e);
}

static int start_http(struct scrc *x, struct err *e)
{
    struct server s = { .config = &x->config,
                        .jobs = x->jobs,
                        .engine = x->engine,
                        .languages = x->languages,
                        .waiters = x->waiters,
                        .bridge = x->bridge,
                        .hub = x->hub,
                        .stats = x->stats,
                        .engine_config = &x->engine_config,
                        .identify = principal_anonymous,
                        .instance = x->instance };
    char name[LISTEN_NAME_SIZE], url[LISTEN_NAME_SIZE + 10];

    listen_name(x->listen_fd, name);
    (void)snprintf(url, sizeof url, "http://%s/", name);
    if (api_start(&s, TAKE_FD(x->listen_fd), &x->api, e) < 0)
        return -1;
    log_info("listening", log_s("address", name), log_s("url", url), log_s("version", SCRC_VERSION),
             log_s("DATA_DIR", jobs_dir(x->jobs)));
    return 0;
}

/* Until bridge_stop_consuming(), so while the engine is there. */
static bool can_judge(void *ctx, char *why, size_t size)
{
    struct scrc *x = ctx;

    why[0] = '\0';
    if (x->config.runner_max_parallel > 0)
        engine_reason(x->engine, NULL, why, size);
    return why[0] == '\0';
}

/* Whoever listens must do so before the engine makes the first change. */
static int start(struct scrc *x, struct err *e)
{
    const struct bridge_hooks hooks = { .ended = lifecycle_input_ended,
                                        .able = can_judge,
                                        .ctx = x };
    const struct config *c = &x->config;

    if (open_languages(x, e) < 0)
        return -1;
    const struct kafka_config_settings kafka = kafka_settings_of(x);
    if (kafka_check(&kafka, e) < 0)
        return -1;
    if (listen_bind(c->http_listen, c->allow_anonymous, &x->listen_fd, e) < 0)
        return -1;
    if (open_table(x, e) < 0 || waiters_open(&x->waiters, e) < 0)
        return -1;
    lifecycle_serving();
    if (hub_open(x->jobs, &x->config, &hub_times, &x->hub, e) < 0 ||
        stats_open(x->languages, &x->stats, e) < 0)
        return -1;
    /* In the order they are told in: who is woken by the others finds it counted. */
    jobs_listen(x->jobs, stats_changed, x->stats);
    jobs_listen(x->jobs, waiters_changed, x->waiters);
    jobs_listen(x->jobs, hub_changed, x->hub);
    x->engine_config.on_event = hub_tested;
    x->engine_config.event_ctx = x->hub;
    if (kafka_config_open(&kafka, x->jobs, &hooks, &x->bridge, e) < 0 ||
        engine_start(&x->engine_config, x->languages, x->jobs, &x->engine, e) < 0 ||
        stats_watch(x->stats, x->jobs, x->engine, e) < 0 || start_http(x, e) < 0)
        return -1;
    if (x->bridge && bridge_start(x->bridge, e) < 0)
        return -1;
    return start_adoption(x, e);
}

/* While runs in progress end, their clients go on waiting. */
static void stop(struct scrc *x)
{
    int64_t deadline = clock_mono_ns() + x->config.shutdown_timeout_ms * NS_PER_MS;

    if (x->api)
        api_drain(x->api);
    if (x->bridge)
        bridge_stop_consuming(x->bridge, deadline);
    if (x->adoption)
        slot_adoption_halt(x->adoption);
    if (x->stats)
        stats_rest(x->stats);
    x->engine = engine_stop(x->engine, deadline);
    if (x->bridge)
        bridge_stop(x->bridge,
                    clock_mono_ns() + FLUSH_NS > deadline ? clock_mono_ns() + FLUSH_NS : deadline);
    x->api = api_stop(x->api);
    if (x->hub)
        hub_stop(x->hub);
    x->adoption = slot_adoption_close(x->adoption);
    x->jobs = jobs_close(x->jobs);
    x->bridge = bridge_free(x->bridge);
    x->hub = hub_free(x->hub);
    x->stats = stats_free(x->stats);
    x->waiters = waiters_free(x->waiters);
    closep(&x->listen_fd);
    x->languages = language_table_free(x->languages);
    config_clear(&x->config);
}

static enum exit_code fault(const struct err *e)
{
    log_error("fault", log_s("kind", err_kind_name(e->kind)), log_s("error", e->msg));
    return e->kind == ERR_SETTING    ? EXIT_SETTING
           : e->kind == ERR_PLATFORM ? EXIT_UNFIT
                                     : EXIT_FAULT;
}

static enum exit_code check(struct scrc *x)
{
    struct host_diagnostic topics[KAFKA_CHECK_MAX];
    struct err e;

    if (open_languages(x, &e) < 0)
        return fault(&e);
    const struct kafka_config_settings kafka = kafka_settings_of(x);
    if (kafka_check(&kafka, &e) < 0)
        return fault(&e);
    size_t len = kafka_check_look(&kafka, topics);
    return preflight_print(&x->engine_config, x->languages, topics, len, stdout) ? EXIT_CLEAN
                                                                                 : EXIT_UNFIT;
}

static bool all_is_told(struct scrc *x)
{
    int64_t rows = 0, oldest = 0;
    struct jobs_counts counts;

    jobs_counts(x->jobs, &counts);
    outbox_counts(x->jobs, &rows, &oldest);
    return counts.queued == 0 && counts.running == 0 && rows == 0;
}

/* `done`, or SCRIPT_EXPECTED: nothing more is taken, what was accepted is judged and published. */
static void finish_feed(struct scrc *x)
{
    log_info("finishing", log_s("why", "no more is to be read from Kafka"));
    api_drain(x->api);
    while (!all_is_told(x) && !lifecycle_wait_ns(LAST_LOOK_NS))
        ;
}

static enum exit_code serve(struct scrc *x)
{
    struct err e;

    if (lifecycle_watch(&e) < 0 || start(x, &e) < 0)
        return fault(&e);
    if (!lifecycle_wait())
        finish_feed(x);
    return EXIT_CLEAN;
}

int main(int argc, char **argv)
{
    struct scrc x = { .listen_fd = -1 };
    struct err e;
    bool only_check = read_command_line(argc, argv);

    (void)umask(S_IRWXG | S_IRWXO); /* the table holds everybody's programs and tests */
    lifecycle_block_signals();
    /* An output or a report may be megabytes, for a moment. The library would learn from it to keep
     * what is freed. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
    (void)mallopt(M_MMAP_THRESHOLD, (int)MIB);
    if (config_load(environ, &x.config, &e) < 0)
        return (int)fault(&e);
    log_init((enum log_level)x.config.log_level, x.config.log_json);
    config_near_misses(environ, warn_near_miss, NULL);
    raise_file_limit();
    if (text_init() < 0) {
        (void)err_set(&e, ERR_PLATFORM, "this host gives no random numbers");
        return (int)fault(&e);
    }
    json_object_seed(0);
    text_random_id(x.instance);
    fill_engine_config(&x);

    enum exit_code code = only_check ? check(&x) : serve(&x);
    stop(&x);
    if (code == EXIT_CLEAN && !only_check)
        log_info("stopped", log_i("code", code));
    return (int)code;
}
