#include "server/config.h"

#include <string.h>

#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/near.h"
#include "schema/model/submission.h"
#include "schema/model/verdict.h"
#include "schema/store/postgres/db_postgres_url.h"
#include "server/config_value.h"

const char *const config_languages[5] = { "python", "go", "c", "cpp", "java" };

static const char *const status_sets[] = {
    [STATUS_SET_BY_EDGE] = "edge", [STATUS_SET_FULL] = "full", [STATUS_SET_SCRC] = "scrc", NULL
};
#define CHECKER_WORD(kind, name) [kind] = name,
static const char *const checkers[] = { CHECKERS(CHECKER_WORD)[CHECKER_COUNT] = NULL };
static const char *const levels[] = { [LOG_DEBUG] = "debug",
                                      [LOG_INFO] = "info",
                                      [LOG_WARNING] = "warning",
                                      [LOG_ERROR] = "error",
                                      NULL };
static const char *const formats[] = { "text", "json", NULL };
static const char *const commits[] = { "accepted", "reported", NULL };
static const char *const isolation_modes[] = { "auto", "namespaces", "inplace", NULL };

#define AT(field) offsetof(struct config, field)
#define TEXT_ROW(n, d, f, h)                                                                       \
    {                                                                                              \
        n, CONFIG_TEXT, 0, 0, d, AT(f), h, NULL                                                    \
    }
#define FLAG_ROW(n, d, f, h)                                                                       \
    {                                                                                              \
        n, CONFIG_FLAG, 0, 1, d, AT(f), h, NULL                                                    \
    }
#define NUMBER(n, t, lo, hi, d, f, h)                                                              \
    {                                                                                              \
        n, CONFIG_##t, lo, hi, d, AT(f), h, NULL                                                   \
    }
#define DAY_MS CONFIG_DAY_MS

/* clang-format off */
static const struct config_setting settings[] = {
    TEXT_ROW("HTTP_LISTEN", "127.0.0.1:8080", http_listen, "host:port to serve on; port 0 takes a free one; [::1]:8080 for IPv6"),
    FLAG_ROW("ALLOW_ANONYMOUS", "0", allow_anonymous, "1: serve on an address that others reach, without any token"),
    TEXT_ROW("ALLOWED_HOSTS", NULL, allowed_hosts, "names this server has besides those of the loopback, as judge.example.org,scrc:8080: what Host may say, and whose pages may use it; * is every name in Host"),
    TEXT_ROW("DATA_DIR", "./data", data_dir, "the job table, and what a server keeps for itself; one server at a time"),
    { "STORE", CONFIG_DATABASE, 0, 0, NULL, AT(store), "postgres://USER:PASSWORD@HOST/DATABASE: one job table of several servers; none: this server's own, in DATA_DIR", NULL },
    NUMBER("LEASE_TIMEOUT", DURATION, 2000, 3600000, "10s", lease_timeout_ms, "with STORE: how long a server may give no sign of life until others take over its work"),
    { "LOG_LEVEL", CONFIG_WORD, 0, 0, "info", AT(log_level), "the least level that is logged", levels },
    { "LOG_FORMAT", CONFIG_FLAG, 0, 1, "text", AT(log_json), "lines of key=value, or of JSON", formats },
    NUMBER("SHUTDOWN_TIMEOUT", DURATION, 0, 3600000, "30s", shutdown_timeout_ms, "how long runs in progress may go on after SIGTERM"),

    TEXT_ROW("DOCKER_HOST", NULL, docker_host, "unix:///path of the engine's socket; none: /var/run/docker.sock"),
    TEXT_ROW("CELL_DIR", "/run/scrc", cell_dir, "sockets of the cells, a directory of its own; must be visible to the engine"),
    TEXT_ROW("LANGUAGES", NULL, languages, "the languages to judge, as python,c; none: all that are known"),
    TEXT_ROW("LANGUAGES_DIR", NULL, languages_dir, "a directory of NAME.json rows that add or replace languages"),
    NUMBER("RUNNER_MAX_PARALLEL", COUNT, 0, 1024, NULL, runner_max_parallel, "submissions judged at once; 0 accepts and judges nothing; none: the number of cores"),
    NUMBER("RUNNER_TIME_LIMIT", DURATION, 0, 86400000, "10s", runner_time_limit_ms, "CPU time of a test that names no limit; 0: the ceiling"),
    NUMBER("RUNNER_MEMORY_LIMIT", SIZE, 0, 1LL << 40, "256MiB", runner_memory_limit, "memory of a test that names no limit; 0: the ceiling"),
    NUMBER("RUNNER_CELL_USES", COUNT, 1, 1000000, "1", runner_cell_uses, "submissions a container serves before it is removed"),
    TEXT_ROW("RUNNER_RUNTIME", NULL, runner_runtime, "the engine's name of the OCI runtime of cells, as crun (which needs a host with cgroup v2 alone); none: the engine's default"),
    NUMBER("RUNNER_PIDS_LIMIT", COUNT, 4, 32768, "128", runner_pids_limit, "processes and threads of one test"),
    { "RUNNER_STATUS_SET", CONFIG_WORD, 0, 0, "edge", AT(runner_status_set), "status words: full has RE and OL, scrc the six of the Go worker, edge full over HTTP", status_sets },
    { "DEFAULT_CHECKER", CONFIG_WORD, 0, 0, "lines", AT(default_checker), "the checker of a submission that names none", checkers },
    { "SCRC_BOX", CONFIG_TEXT, 0, 0, "auto", AT(isolation), "how a run is separated inside its cell; for tests", isolation_modes },

    NUMBER("BUILD_TIME_LIMIT", DURATION, 100, 3600000, "30s", build_time_limit_ms, "CPU time of a build"),
    NUMBER("BUILD_MEMORY_LIMIT", SIZE, 16 * MIB, 1LL << 40, "1GiB", build_memory_limit, "memory of a build"),
    NUMBER("BUILD_ARTEFACT_BYTES", SIZE, 64 * KIB, 4 * GIB, "64MiB", build_artefact_bytes, "what a build may leave"),
    NUMBER("BUILD_CACHE_BYTES", SIZE, 0, 1LL << 50, "1GiB", build_cache_bytes, "builds kept in DATA_DIR/builds, so that a source seen again is not compiled; 0: none"),

    NUMBER("MAX_TIME_LIMIT", DURATION, 1, 86400000, "300s", max_time_limit_ms, "the largest time limit a submission may name"),
    NUMBER("MAX_MEMORY_LIMIT", SIZE, MIB, 1LL << 40, "2GiB", max_memory_limit, "the largest memory limit a submission may name"),
    NUMBER("MAX_TESTS", COUNT, 1, 100000, "1000", max_tests, "tests of one submission"),
    NUMBER("MAX_SOURCE_BYTES", SIZE, 1, GIB, "1MiB", max_source_bytes, "source of one submission"),
    NUMBER("MAX_OUTPUT_BYTES", SIZE, 1, GIB, "16MiB", max_output_bytes, "output of one test; more is OL"),
    NUMBER("REPORT_OUTPUT_BYTES", SIZE, 0, 64 * MIB, "64KiB", report_output_bytes, "output of one test kept in its report"),
    NUMBER("REPORT_BYTES", SIZE, MIB, 512 * MIB, "16MiB", report_bytes, "a report with all its outputs; later tests keep less of theirs"),
    FLAG_ROW("REPORT_TEST_IO", "1", report_test_io, "0: reports hide the tests' texts: input, expected_output, stdout, stderr, first_difference"),
    NUMBER("MAX_QUEUED", COUNT, 1, 100000000, "200000", max_queued, "submissions that wait; more are refused with 429"),
    NUMBER("RETENTION", DURATION, 0, 36500 * DAY_MS, "30d", retention_ms, "how long texts and reports are kept after the end; 0: for ever"),

    NUMBER("MAX_BODY_BYTES", SIZE, KIB, GIB, "64MiB", max_body_bytes, "body of one request; four times as much for all together, and half of that for one client address; the same for answers; what is up to 64KiB always has room"),
    NUMBER("MAX_HEADER_BYTES", SIZE, KIB, MIB, "16KiB", max_header_bytes, "request line and headers of one request"),
    NUMBER("MAX_JSON_DEPTH", COUNT, 4, 2048, "32", max_json_depth, "nesting of a request's JSON"),
    NUMBER("MAX_CONNECTIONS", COUNT, 1, 1000000, "16384", max_connections, "connections at once; more are answered 503, but for /healthz; half of them may be event streams"),
    NUMBER("MAX_CONNECTIONS_PER_ADDRESS", COUNT, 0, 1000000, "0", max_connections_per_address, "the same for one client address; more are closed; 0: no limit"),
    NUMBER("REQUEST_TIMEOUT", DURATION, 1000, 3600000, "30s", request_timeout_ms, "for a request to arrive whole, and for an idle connection"),

    TEXT_ROW("KAFKA_BROKERS", NULL, kafka_brokers, "host:port,...: read submissions from Kafka and publish reports; none: HTTP alone"),
    TEXT_ROW("KAFKA_TOPIC", "scripts", kafka_topic, "where submissions come from"),
    TEXT_ROW("KAFKA_GROUP_ID", "scrc-runner", kafka_group_id, "the consumer group that servers on one topic share"),
    TEXT_ROW("KAFKA_RESULTS_TOPIC", "script-results", kafka_results_topic, "where reports go"),
    TEXT_ROW("KAFKA_DEAD_LETTER_TOPIC", NULL, kafka_dead_letter_topic, "where messages go that are no submissions; none: KAFKA_TOPIC.dead-letter"),
    FLAG_ROW("KAFKA_PUBLISH_HTTP", "1", kafka_publish_http, "0: reports of submissions that came over HTTP do not go to Kafka"),
    { "KAFKA_COMMIT", CONFIG_FLAG, 0, 1, "reported", AT(kafka_commit_reported), "an offset is committed once the report of its submission is acknowledged, or (accepted) once it is in the table", commits },
    NUMBER("KAFKA_PREFETCH", COUNT, 0, 100000000, "0", kafka_prefetch, "submissions of Kafka that wait in the table; the rest is left for servers that join; 0: 32 for each of RUNNER_MAX_PARALLEL, at least 64"),
    FLAG_ROW("KAFKA_IGNORE_DONE", "0", kafka_ignore_done, "1: a message of type done does not end the server"),
    NUMBER("SCRIPT_EXPECTED", COUNT, 0, 1LL << 60, "0", script_expected, "end after so many messages from Kafka; 0: never"),

    TEXT_ROW("PYTHON_IMAGE", NULL, language[0].image, "image of Python; none: as in the language table, like all below"),
    TEXT_ROW("PYTHON_WORKDIR", NULL, language[0].workdir, "work directory in Python's container"),
    TEXT_ROW("GO_IMAGE", NULL, language[1].image, "image that builds Go"),
    TEXT_ROW("GO_RUN_IMAGE", NULL, language[1].run_image, "image that runs Go programs"),
    TEXT_ROW("GO_WORKDIR", NULL, language[1].workdir, "work directory in Go's containers"),
    TEXT_ROW("C_IMAGE", NULL, language[2].image, "image that builds C"),
    TEXT_ROW("C_RUN_IMAGE", NULL, language[2].run_image, "image that runs C programs"),
    TEXT_ROW("C_WORKDIR", NULL, language[2].workdir, "work directory in C's containers"),
    TEXT_ROW("CPP_IMAGE", NULL, language[3].image, "image that builds C++"),
    TEXT_ROW("CPP_RUN_IMAGE", NULL, language[3].run_image, "image that runs C++ programs"),
    TEXT_ROW("CPP_WORKDIR", NULL, language[3].workdir, "work directory in C++'s containers"),
    TEXT_ROW("JAVA_IMAGE", NULL, language[4].image, "image that builds Java"),
    TEXT_ROW("JAVA_RUN_IMAGE", NULL, language[4].run_image, "image that runs Java programs"),
    TEXT_ROW("JAVA_WORKDIR", NULL, language[4].workdir, "work directory in Java's containers"),
};

/* Settings that this build refuses: ignoring them would leave a server less safe than its operator
 * believes, or work where nobody looks. `harmless`: the value that changes nothing, or NULL. */
static const struct { const char *name, *harmless, *why; } refused[] = {
    { "API_TOKENS_FILE", NULL, "this build has no tokens; unset it" },
    { "DATA_SLOTS", "0", "servers do not share a directory any more: unset it, and give each server a DATA_DIR of its own, and with STORE one database for all. To finish what waits in a slot-N of your DATA_DIR, start a server once with DATA_DIR=YOUR_DATA_DIR/slot-N" },
};
/* clang-format on */

bool config_describe(size_t i, struct config_described *ret_described)
{
    if (i >= ARRAY_LEN(settings))
        return false;
    *ret_described = (struct config_described){ .name = settings[i].name,
                                                .normal = settings[i].normal,
                                                .help = settings[i].help };
    config_value_legal(&settings[i], ret_described->legal, sizeof ret_described->legal);
    return true;
}

void config_print_help(FILE *f)
{
    struct config_described s;

    (void)fputs("Settings are environment variables:\n", f);
    for (size_t i = 0; config_describe(i, &s); i++)
        (void)fprintf(f, "  %-28s %s\n  %-28s   default %s; %s\n", s.name, s.help, "",
                      s.normal ? s.normal : "none", s.legal);
    (void)fprintf(f, "  %-28s %s\n  %-28s   %s\n", "KAFKA_PROP_*",
                  "any property of librdkafka; for one that we set ourselves it is refused", "",
                  "KAFKA_PROP_SECURITY_PROTOCOL=ssl, or KAFKA_PROP_security.protocol=ssl");
}

/* Its value is an owned string. */
static bool is_text(const struct config_setting *s)
{
    return s->type == CONFIG_TEXT || s->type == CONFIG_DATABASE;
}

bool config_show(const struct config *c, size_t i, struct config_shown *ret_shown)
{
    if (i >= ARRAY_LEN(settings))
        return false;
    const struct config_setting *s = &settings[i];
    const char *at = (const char *)c + s->offset, *text = NULL;
    struct config_shown x = {
        .name = s->name, .normal = s->normal, .help = s->help, .has_value = true
    };

    if (is_text(s)) {
        memcpy(&text, at, sizeof text);
        x.has_value = text != NULL;
        if (text && s->type == CONFIG_DATABASE)
            db_postgres_url_show(text, x.value, sizeof x.value);
        else
            (void)snprintf(x.value, sizeof x.value, "%s", text ? text : "");
    } else if (s->type == CONFIG_FLAG) {
        bool flag;
        memcpy(&flag, at, sizeof flag);
        config_value_print(s, flag, x.value, sizeof x.value);
    } else {
        int64_t n;
        memcpy(&n, at, sizeof n);
        config_value_print(s, n, x.value, sizeof x.value);
    }
    x.is_set = x.has_value && (!s->normal || strcmp(x.value, s->normal) != 0);
    *ret_shown = x;
    return true;
}

const char *config_name(size_t i) { return i < ARRAY_LEN(settings) ? settings[i].name : NULL; }

/* ---- loading ---- */

/* NULL when the variable is not set or empty: compose files pass NAME= for what is left out. */
static const char *find_variable(char *const *environment, const char *name)
{
    size_t n = strlen(name);

    for (char *const *v = environment; *v; v++) {
        if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
            return (*v)[n + 1] ? *v + n + 1 : NULL;
    }
    return NULL;
}

static int store_setting(struct config *c, const struct config_setting *s, const char *text,
                         struct err *e)
{
    char *at = (char *)c + s->offset, legal[120];
    int64_t value = 0;

    if (config_value_parse(s, text, &value) < 0 ||
        (s->min < s->max && (value < s->min || value > s->max))) {
        config_value_legal(s, legal, sizeof legal);
        if (s->type == CONFIG_DATABASE)
            return err_set(e, ERR_SETTING, "%s: must be %s", s->name, legal);
        return err_set(e, ERR_SETTING, "%s=%.100s: must be %s", s->name, text, legal);
    }
    if (is_text(s)) {
        char *copy = strdup(s->words ? s->words[value] : text);
        if (!copy)
            return err_set(e, ERR_NOMEM, "setting %s", s->name);
        free(*(char **)(void *)at);
        *(char **)(void *)at = copy;
    } else if (s->type == CONFIG_FLAG) {
        *(bool *)(void *)at = value != 0;
    } else {
        *(int64_t *)(void *)at = value;
    }
    return 0;
}

/* Refuses settings that are legal alone and contradict each other. */
static int check_agreement(const struct config *c, struct err *e)
{
    if (c->runner_time_limit_ms > c->max_time_limit_ms)
        return err_set(e, ERR_SETTING, "RUNNER_TIME_LIMIT is above MAX_TIME_LIMIT (%lld ms)",
                       (long long)c->max_time_limit_ms);
    if (c->runner_memory_limit > c->max_memory_limit)
        return err_set(e, ERR_SETTING, "RUNNER_MEMORY_LIMIT is above MAX_MEMORY_LIMIT (%lld bytes)",
                       (long long)c->max_memory_limit);
    return 0;
}

int config_load(char *const *environment, struct config *ret_config, struct err *e)
{
    struct config c = { .runner_max_parallel = sysconf(_SC_NPROCESSORS_ONLN) };
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(refused) && rc == 0; i++) {
        const char *text = find_variable(environment, refused[i].name);
        if (text && (!refused[i].harmless || strcmp(text, refused[i].harmless) != 0))
            rc = err_set(e, ERR_SETTING, "%s is set, but %s", refused[i].name, refused[i].why);
    }
    for (size_t i = 0; i < ARRAY_LEN(settings) && rc == 0; i++) {
        const char *text = find_variable(environment, settings[i].name);
        if (!text)
            text = settings[i].normal;
        if (text)
            rc = store_setting(&c, &settings[i], text, e);
    }
    if (rc == 0)
        rc = check_agreement(&c, e);
    if (rc < 0) {
        config_clear(&c);
        return -1;
    }
    *ret_config = c;
    return 0;
}

void config_clear(struct config *c)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (is_text(&settings[i]))
            free(*(char **)(void *)((char *)c + settings[i].offset));
    }
    *c = (struct config){ 0 };
}

/* ---- near misses ---- */

/* The i-th name that is a setting, or refused; NULL after the last. */
static const char *known_name(const void *ctx, size_t i)
{
    (void)ctx;
    if (i < ARRAY_LEN(settings))
        return settings[i].name;
    i -= ARRAY_LEN(settings);
    return i < ARRAY_LEN(refused) ? refused[i].name : NULL;
}

/* A short name must be more similar, because many short names are alike. */
static size_t typos_of(size_t len) { return len < 6 ? 0 : len < 10 ? 1 : 2; }

void config_near_misses(char *const *environment, config_near_miss_fn *report, void *ctx)
{
    for (char *const *v = environment; *v; v++) {
        char name[NEAR_NAME_MAX + 1];
        size_t len = strcspn(*v, "=");
        if (len == 0 || len > NEAR_NAME_MAX)
            continue;
        memcpy(name, *v, len);
        name[len] = '\0';
        const char *suggestion = near_name(name, len, typos_of(len), known_name, NULL);
        if (suggestion)
            report(ctx, name, suggestion);
    }
}
