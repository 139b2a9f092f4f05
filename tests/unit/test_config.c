/* The table of settings: parsing, bounds, defaults, near misses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/model/checker.h"
#include "schema/model/verdict.h"
#include "server/config.h"

static int load(const char *a, const char *b, struct config *c, struct err *e)
{
    char *environment[] = { (char *)(uintptr_t)a, (char *)(uintptr_t)b, NULL };

    *e = (struct err){ .kind = ERR_NONE };
    return config_load(environment, c, e);
}

static void test_defaults(void **state)
{
    struct config c;
    struct err e;

    (void)state;
    assert_int_equal(load(NULL, NULL, &c, &e), 0);
    assert_string_equal(c.http_listen, "127.0.0.1:8080");
    assert_string_equal(c.data_dir, "./data");
    assert_string_equal(c.cell_dir, "/run/scrc");
    assert_string_equal(c.isolation, "auto");
    assert_null(c.docker_host);
    assert_null(c.store);
    assert_int_equal(c.lease_timeout_ms, 10000);
    assert_null(c.languages_dir);
    assert_null(c.language[0].image);
    assert_int_equal(c.runner_max_parallel, sysconf(_SC_NPROCESSORS_ONLN));
    assert_int_equal(c.runner_time_limit_ms, 10000);
    assert_int_equal(c.runner_memory_limit, 256 * MIB);
    assert_int_equal(c.max_time_limit_ms, 300000);
    assert_int_equal(c.max_memory_limit, 2 * GIB);
    assert_int_equal(c.max_tests, 1000);
    assert_int_equal(c.max_source_bytes, MIB);
    assert_int_equal(c.max_body_bytes, 64 * MIB);
    assert_int_equal(c.max_output_bytes, 16 * MIB);
    assert_int_equal(c.report_output_bytes, 64 * KIB);
    assert_int_equal(c.report_bytes, 16 * MIB);
    assert_int_equal(c.max_queued, 200000);
    assert_int_equal(c.retention_ms, 30LL * 86400 * 1000);
    assert_int_equal(c.runner_cell_uses, 1);
    assert_int_equal(c.runner_pids_limit, 128);
    assert_int_equal(c.runner_status_set, STATUS_SET_BY_EDGE);
    assert_int_equal(c.default_checker, CHECKER_LINES);
    assert_int_equal(c.build_time_limit_ms, 30000);
    assert_int_equal(c.build_memory_limit, GIB);
    assert_int_equal(c.build_artefact_bytes, 64 * MIB);
    assert_int_equal(c.max_header_bytes, 16 * KIB);
    assert_int_equal(c.max_json_depth, 32);
    assert_int_equal(c.max_connections, 16384);
    assert_int_equal(c.max_connections_per_address, 0);
    assert_int_equal(c.request_timeout_ms, 30000);
    assert_int_equal(c.shutdown_timeout_ms, 30000);
    assert_int_equal(c.log_level, LOG_INFO);
    assert_false(c.log_json);
    assert_true(c.report_test_io);
    assert_false(c.allow_anonymous);
    assert_null(c.kafka_brokers);
    assert_string_equal(c.kafka_topic, "scripts");
    assert_string_equal(c.kafka_group_id, "scrc-runner");
    assert_string_equal(c.kafka_results_topic, "script-results");
    assert_null(c.kafka_dead_letter_topic);
    assert_true(c.kafka_publish_http);
    assert_true(c.kafka_commit_reported);
    assert_int_equal(c.kafka_prefetch, 0);
    assert_false(c.kafka_ignore_done);
    assert_int_equal(c.script_expected, 0);
    config_clear(&c);
}

#define SIZE_CASE(text, value)                                                                     \
    {                                                                                              \
        "MAX_OUTPUT_BYTES=" text, offsetof(struct config, max_output_bytes), value                 \
    }
#define DURATION_CASE(text, value)                                                                 \
    {                                                                                              \
        "RETENTION=" text, offsetof(struct config, retention_ms), value                            \
    }

static void test_legal_values(void **state)
{
    static const struct {
        const char *setting;
        size_t offset;
        int64_t value;
    } cases[] = {
        SIZE_CASE("1", 1),
        SIZE_CASE("65536", 65536),
        SIZE_CASE("10B", 10),
        SIZE_CASE("2K", 2048),
        SIZE_CASE("2KiB", 2048),
        SIZE_CASE("2kb", 2000),
        SIZE_CASE("3M", 3 * MIB),
        SIZE_CASE("64MiB", 64 * MIB),
        SIZE_CASE("64 MiB", 64 * MIB),
        SIZE_CASE("5MB", 5000000),
        SIZE_CASE("0.5GiB", GIB / 2),
        SIZE_CASE("1G", GIB),
        DURATION_CASE("0", 0),
        DURATION_CASE("0s", 0),
        DURATION_CASE("1ms", 1),
        DURATION_CASE("500ms", 500),
        DURATION_CASE("30s", 30000),
        DURATION_CASE("2m30s", 150000),
        DURATION_CASE("1.5h", 5400000),
        DURATION_CASE("1h2m3s4ms", 3723004),
        DURATION_CASE("30d", 30LL * 86400 * 1000),
        DURATION_CASE("5000us", 5),
        { "RUNNER_MAX_PARALLEL=0", offsetof(struct config, runner_max_parallel), 0 },
        { "RUNNER_MAX_PARALLEL=12", offsetof(struct config, runner_max_parallel), 12 },
        { "RUNNER_MEMORY_LIMIT=134217728", offsetof(struct config, runner_memory_limit),
          128 * MIB },
        { "RUNNER_TIME_LIMIT=0", offsetof(struct config, runner_time_limit_ms), 0 },
        { "RUNNER_STATUS_SET=scrc", offsetof(struct config, runner_status_set), STATUS_SET_SCRC },
        { "RUNNER_STATUS_SET=full", offsetof(struct config, runner_status_set), STATUS_SET_FULL },
        { "DEFAULT_CHECKER=float", offsetof(struct config, default_checker), CHECKER_FLOAT },
        { "LOG_LEVEL=WARNING", offsetof(struct config, log_level), LOG_WARNING },
        { "MAX_TESTS=", offsetof(struct config, max_tests), 1000 },
        { "LEASE_TIMEOUT=2s", offsetof(struct config, lease_timeout_ms), 2000 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config c;
        struct err e;
        print_message("%s\n", cases[i].setting);
        if (load(cases[i].setting, NULL, &c, &e) < 0)
            fail_msg("%s", e.msg);
        assert_int_equal(*(int64_t *)(void *)((char *)&c + cases[i].offset), cases[i].value);
        config_clear(&c);
    }
}

static void test_refused_values(void **state)
{
    static const char *const cases[] = {
        "MAX_OUTPUT_BYTES=0",
        "MAX_OUTPUT_BYTES=-1",
        "MAX_OUTPUT_BYTES=64 MiBs",
        "MAX_OUTPUT_BYTES=64Mi",
        "MAX_OUTPUT_BYTES=MiB",
        "MAX_OUTPUT_BYTES=0x10",
        "MAX_OUTPUT_BYTES=1e6",
        "MAX_OUTPUT_BYTES=nan",
        "MAX_OUTPUT_BYTES=inf",
        "MAX_OUTPUT_BYTES=99999999999999999999",
        "MAX_OUTPUT_BYTES=99999999999999999999999GiB",
        "MAX_OUTPUT_BYTES=2GiB",
        "MAX_OUTPUT_BYTES=+5",
        "MAX_OUTPUT_BYTES= 5",
        "RETENTION=5",
        "RETENTION=-5s",
        "RETENTION=5s ",
        "RETENTION=s",
        "RETENTION=5sm",
        "RETENTION=5 s",
        "RETENTION=1ns",
        "RETENTION=9999999999d",
        "REQUEST_TIMEOUT=0",
        "REQUEST_TIMEOUT=999ms",
        "RUNNER_MAX_PARALLEL=many",
        "RUNNER_MAX_PARALLEL=2 ",
        "RUNNER_MAX_PARALLEL=1.5",
        "RUNNER_MAX_PARALLEL=-1",
        "RUNNER_MAX_PARALLEL=99999",
        "REPORT_TEST_IO=2",
        "ALLOW_ANONYMOUS=maybe",
        "LOG_LEVEL=loud",
        "LOG_FORMAT=xml",
        "DEFAULT_CHECKER=magic",
        "RUNNER_STATUS_SET=half",
        "SCRC_BOX=none",
        "RUNNER_TIME_LIMIT=301s",
        "RUNNER_MEMORY_LIMIT=3GiB",
        "KAFKA_COMMIT=sometimes",
        "KAFKA_IGNORE_DONE=perhaps",
        "SCRIPT_EXPECTED=-1",
        "API_TOKENS_FILE=/etc/tokens",
        "LEASE_TIMEOUT=1999ms",
        "LEASE_TIMEOUT=0",
        "DATA_SLOTS=1",
        "DATA_SLOTS=2",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config c = { .http_listen = (char *)1 }, before = c;
        struct err e;
        char name[40] = "";
        print_message("%s\n", cases[i]);
        assert_int_equal(load(cases[i], NULL, &c, &e), -1);
        assert_int_equal(e.kind, ERR_SETTING);
        memcpy(name, cases[i], strcspn(cases[i], "="));
        assert_non_null(strstr(e.msg, name));
        assert_memory_equal(&c, &before, sizeof c);
    }
}

/* What is refused says what would be legal. */
static void test_messages(void **state)
{
    struct config c;
    struct err e;

    (void)state;
    assert_int_equal(load("MAX_TESTS=x", NULL, &c, &e), -1);
    assert_string_equal(e.msg, "MAX_TESTS=x: must be a number, 1 to 100000");
    assert_int_equal(load("LOG_FORMAT=x", NULL, &c, &e), -1);
    assert_string_equal(e.msg, "LOG_FORMAT=x: must be text, json");
    assert_int_equal(load("REQUEST_TIMEOUT=5", NULL, &c, &e), -1);
    assert_string_equal(e.msg, "REQUEST_TIMEOUT=5: must be a time such as 2m30s, 1s to 3600s");
    assert_int_equal(load("STORE=sqlite:/x", NULL, &c, &e), -1);
    assert_string_equal(e.msg,
                        "STORE: must be a postgres:// URL, in whose password all but letters "
                        "and digits is written as %XX");
}

/* A password of STORE is neither in a message nor among the settings in force. */
static void test_store_keeps_its_password(void **state)
{
    static const struct {
        const char *url, *shown; /* NULL: it is refused */
    } cases[] = {
        { "postgres://", "postgres://" },
        { "postgres:///judge", "postgres:///judge" },
        { "postgresql://db:5433/judge", "postgresql://db:5433/judge" },
        { "postgres://scrc:hunter2@db/judge", "postgres://scrc@db/judge" },
        { "postgres://scrc:hunter2%40@db/judge", "postgres://scrc@db/judge" },
        { "postgres://:hunter2@db", "postgres://@db" },
        { "postgres://scrc:hunter2@a:1,[::1]:2/"
          "judge?target_session_attrs=read-write&sslmode=require",
          "postgres://scrc@a:1,[::1]:2/judge?target_session_attrs=read-write&sslmode=require" },
        { "postgres://scrc@/judge?host=/run/postgresql&password=hunter2",
          "postgres://scrc@/judge?host=/run/postgresql" },
        { "postgres://db?password=hunter2&sslpassword=hunter2&user=scrc",
          "postgres://db?user=scrc" },
        { "postgres://db?user=scrc&p%61ssword=hunter2", "postgres://db?user=scrc" },
        { "postgres://db?password=hunter2", "postgres://db" },
        { "postgres://scrc:hunter2/@db/judge", NULL },
        { "postgres://scrc:hunter2@x@db/judge", NULL },
        { "postgres://scrc:hunter2#@db:x/judge", NULL },
        { "postgres://db/judge?passwort=hunter2", NULL },
        { "mysql://scrc:hunter2@db/judge", NULL },
        { "host=db password=hunter2", NULL },
        { "hunter2", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char setting[200];
        struct config_shown k = { .name = "" };
        struct config c;
        struct err e;
        (void)snprintf(setting, sizeof setting, "STORE=%s", cases[i].url);
        print_message("%s\n", setting);
        assert_int_equal(load(setting, NULL, &c, &e), cases[i].shown ? 0 : -1);
        if (!cases[i].shown) {
            assert_int_equal(e.kind, ERR_SETTING);
            assert_null(strstr(e.msg, "hunter2"));
            continue;
        }
        assert_string_equal(c.store, cases[i].url);
        for (size_t n = 0; strcmp(k.name, "STORE") != 0; n++)
            assert_true(config_show(&c, n, &k));
        assert_string_equal(k.value, cases[i].shown);
        assert_true(k.is_set);
        config_clear(&c);
    }
}

static void test_texts_and_flags(void **state)
{
    struct config c;
    struct err e;

    (void)state;
    assert_int_equal(load("JAVA_RUN_IMAGE=jre", "LOG_FORMAT=json", &c, &e), 0);
    assert_string_equal(c.language[4].run_image, "jre");
    assert_true(c.log_json);
    config_clear(&c);
    assert_null(c.http_listen);
    assert_int_equal(load("REPORT_TEST_IO=0", "ALLOW_ANONYMOUS=true", &c, &e), 0);
    assert_false(c.report_test_io);
    assert_true(c.allow_anonymous);
    config_clear(&c);
    assert_int_equal(load("KAFKA_BROKERS=", "HTTP_LISTEN=", &c, &e), 0);
    assert_string_equal(c.http_listen, "127.0.0.1:8080");
    assert_null(c.kafka_brokers);
    config_clear(&c);
    assert_int_equal(load("KAFKA_COMMIT=accepted", "KAFKA_BROKERS=k:9092", &c, &e), 0);
    assert_false(c.kafka_commit_reported);
    assert_string_equal(c.kafka_brokers, "k:9092");
    config_clear(&c);
    /* What changes nothing is not refused. */
    assert_int_equal(load("DATA_SLOTS=", "API_TOKENS_FILE=", &c, &e), 0);
    config_clear(&c);
    assert_int_equal(load("DATA_SLOTS=0", NULL, &c, &e), 0);
    config_clear(&c);
}

static void collect(void *ctx, const char *name, const char *meant)
{
    char *out = ctx;
    size_t n = strlen(out);
    (void)snprintf(out + n, 300 - n, "%s>%s ", name, meant);
}

static void test_near_misses(void **state)
{
    static const struct {
        const char *setting, *said;
    } cases[] = {
        { "KAFKA_BROKER=x", "KAFKA_BROKER>KAFKA_BROKERS " },
        { "RUNNER_MAX_PARALEL=2", "RUNNER_MAX_PARALEL>RUNNER_MAX_PARALLEL " },
        { "HTTP_LISTENS=2", "HTTP_LISTENS>HTTP_LISTEN " },
        { "DATADIR=2", "DATADIR>DATA_DIR " },
        { "MAX_TEST=2", "MAX_TEST>MAX_TESTS " },
        { "MAX_TESTS=2", "" },
        { "KAFKA_BROKERS=2", "" },
        { "PATH=/bin", "" },
        { "HOME=/root", "" },
        { "GO_VERSION=1.25", "" },
        { "LOGNAME=root", "" },
        { "KAFKA_TOPIC=x", "" },
        { "NOEQUALS", "" },
        { "=odd", "" },
        { "A_NAME_THAT_IS_LONGER_THAN_ANY_OF_OURS_COULD_EVER_BE=1", "" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char said[300] = "";
        char *environment[] = { (char *)(uintptr_t)cases[i].setting, NULL };
        print_message("%s\n", cases[i].setting);
        config_near_misses(environment, collect, said);
        assert_string_equal(said, cases[i].said);
    }
}

/* No name twice, and --help has them all. */
static void test_help(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    (void)state;
    config_print_help(f);
    (void)fclose(f);
    for (size_t i = 0; config_name(i); i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "\n  %s ", config_name(i));
        assert_non_null(strstr(text, line));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(config_name(i), config_name(j));
    }
    free(text);
}

/* What GET /system shows of each. */
static void test_settings_in_force(void **state)
{
    static const struct {
        const char *name, *value;
        bool is_set;
    } cases[] = {
        { "MAX_TESTS", "7", true },
        { "MAX_OUTPUT_BYTES", "16MiB", false },
        { "RUNNER_TIME_LIMIT", "2s", true },
        { "LOG_LEVEL", "debug", true },
        { "LOG_FORMAT", "text", false },
        { "REPORT_TEST_IO", "0", true },
        { "DATA_DIR", "./data", false },
        { "RETENTION", "30d", false },
        { "RUNNER_STATUS_SET", "edge", false },
        { "LANGUAGES_DIR", NULL, false },
    };
    char *environment[] = { (char *)(uintptr_t) "MAX_TESTS=7",
                            (char *)(uintptr_t) "LOG_LEVEL=debug",
                            (char *)(uintptr_t) "RUNNER_TIME_LIMIT=2000ms",
                            (char *)(uintptr_t) "REPORT_TEST_IO=no", NULL };
    struct config c;
    struct config_shown k;
    struct err e;
    size_t shown = 0;

    (void)state;
    assert_int_equal(config_load(environment, &c, &e), 0);
    for (size_t i = 0; config_show(&c, i, &k); i++) {
        assert_string_equal(k.name, config_name(i));
        for (size_t j = 0; j < ARRAY_LEN(cases); j++) {
            if (strcmp(cases[j].name, k.name) != 0)
                continue;
            print_message("%s\n", k.name);
            assert_int_equal(k.has_value, cases[j].value != NULL);
            assert_string_equal(k.value, cases[j].value ? cases[j].value : "");
            assert_int_equal(k.is_set, cases[j].is_set);
            shown++;
        }
    }
    assert_int_equal(shown, ARRAY_LEN(cases));
    config_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_in_force),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_legal_values),
        cmocka_unit_test(test_refused_values),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_texts_and_flags),
        cmocka_unit_test(test_near_misses),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_store_keeps_its_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
