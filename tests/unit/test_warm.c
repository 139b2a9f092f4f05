/* What is made in advance, and warm commands: on only where they do what the plain ones do, and
 * never the ones that decide. With a Docker of the test's own. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/build/build.h"
#include "engine/build/build_outcome.h"
#include "engine/build/executable.h"
#include "engine/build/toolchain.h"
#include "engine/language/language.h"
#include "engine/queue/readiness.h"
#include "engine/queue/selftest.h"
#include "tests/support/fake_docker.h"
#include "tests/support/fake_pool.h"

static const char row[] =
    "{\"image\":\"own:1\",\"run_image\":\"own-run:1\",\"source_name\":\"main.own\","
    "\"build\":[\"plain\",\"{source}\"],\"warm_build\":[\"warm\",\"{source}\"],"
    "\"collect\":\"file\",\"artefact\":\"main\",\"run\":[\"./cold\"],\"warm_run\":[\"./hot\"],"
    "\"cache_volume_target\":\"/var/tmp\",\"cache_build\":[\"prepare\"],"
    "\"cache_files\":[\"own.sh\"],"
    "\"run_cache_volume_target\":\"/var/tmp\",\"run_cache_build\":[\"prepare-run\"],"
    "\"hello\":\"hello\"}";

static struct place {
    char dir[64];
    struct language_table *languages;
    struct pool *pool;
    struct readiness *readiness;
    struct selftest *selftest;
    struct lease lease;
} place;

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", place.dir, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

static int open_place(void **state)
{
    if (fake_open(state) < 0)
        return -1;
    place = (struct place){ .dir = "/tmp/scrc-warm-XXXXXX" };
    assert_non_null(mkdtemp(place.dir));
    write_file("own.json", row);
    write_file("own.sh", "the recipe");
    ASSERT_OK(language_table_open(place.dir, NULL, 0, &place.languages, e));
    ASSERT_OK(language_table_choose(place.languages, "own", e));
    ASSERT_OK(readiness_open(place.languages, &place.readiness, e));
    ASSERT_OK(lease_init(&place.lease, &fake.config, &fake.cell_host, e));
    place.pool = fake_pool(1);
    return 0;
}

static int close_place(void **state)
{
    char command[128];

    readiness_stop(place.readiness);
    place.selftest = selftest_stop(place.selftest);
    lease_clear(&place.lease);
    place.pool = pool_stop(place.pool);
    place.readiness = readiness_free(place.readiness);
    place.languages = language_table_free(place.languages);
    (void)snprintf(command, sizeof command, "rm -rf %s", place.dir);
    assert_int_equal(system(command), 0);
    return fake_close(state);
}
#define ON_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

/* What the commands do in this test: exit codes, and what they say. */
struct does {
    int prepare, warm;
    const char *warm_says;
    const char *wrong; /* a program that is run as this says something else than hello */
};
static struct does does;
static const struct does as_it_should = { 0, 0, "", "" };

static _Atomic int64_t prepared, recipes, plain_builds, warm_builds, hot_runs;

static void on_run(struct fake_run *r)
{
    if (strncmp(r->argv0, "prepare", strlen("prepare")) == 0) {
        bool build = strcmp(r->argv0, "prepare") == 0;
        prepared++;
        recipes += build && strcmp(r->source, "the recipe") == 0;
        r->out = build ? "some words\nheaders\n" : "classes\n";
        r->status = build ? does.prepare << 8 : 0;
    } else if (strcmp(r->argv0, "plain") == 0) {
        plain_builds++;
        r->status = strstr(r->source, "wrong") ? 1 << 8 : 0;
        r->err = strstr(r->source, "wrong") ? "plain words" : "";
    } else if (strcmp(r->argv0, "warm") == 0) {
        warm_builds++;
        r->status = strstr(r->source, "hello") ? does.warm << 8 : 1 << 8;
        r->err = strstr(r->source, "hello") ? does.warm_says : "warm words";
        if (strstr(r->source, "killed"))
            r->status = SIGSEGV;
        if (strstr(r->source, "slow"))
            r->limit = AGENT_LIMIT_CPU;
        if (strstr(r->source, "lost"))
            r->status = 0, r->err = "", r->collected = AGENT_COLLECTED_MISSING;
        if (strstr(r->source, "good"))
            r->status = 0, r->err = "";
    } else {
        hot_runs += strcmp(r->argv0, "./hot") == 0;
        r->out = strcmp(r->argv0, does.wrong) == 0 ? "scrk\n" : r->out;
        r->memory_bytes = strcmp(r->argv0, "./hot") == 0 ? 7 * MIB : 4 * MIB;
    }
}

static const struct toolchain *toolchain_now(void)
{
    size_t index;
    return readiness_toolchain(place.readiness, "own", &index);
}

/* Runs the self-test; the commands do what `does` says. */
static const struct toolchain *test_language(void)
{
    const struct selftest_config c = { .engine = &fake.config,
                                       .languages = place.languages,
                                       .host = &fake.cell_host,
                                       .pool = place.pool,
                                       .readiness = place.readiness };
    prepared = recipes = plain_builds = warm_builds = hot_runs = 0;
    fake.on_run = on_run;
    ASSERT_OK(selftest_start(&c, &place.selftest, e));
    FAKE_UNTIL(readiness_state(place.readiness, 0) != READINESS_PENDING);
    assert_int_equal(readiness_state(place.readiness, 0), READINESS_OK);
    return toolchain_now();
}

static void warm_commands_are_on(void **state)
{
    (void)state;
    does = as_it_should;
    const struct toolchain *t = test_language();
    assert_string_equal(t->accelerator, "headers; classes");
    assert_int_equal(t->warm_build, TOOLCHAIN_WARM_FIRST);
    assert_true(t->warm_run);
    assert_int_equal(prepared, 2);
    assert_int_equal(recipes, 1);
    assert_int_equal(t->memory_overhead, 9 * MIB); /* with the warm run, and a quarter more */
    assert_string_equal(t->build.spec.volume, t->cache.volume);
    assert_string_equal(t->run.spec.volume, t->run_cache.volume);
    assert_string_not_equal(t->cache.volume, t->run_cache.volume);
}

/* Neither half hurts the other, and the language is ready. */
static void a_warm_command_that_differs_is_off(void **state)
{
    (void)state;
    static const struct {
        struct does does;
        const char *accelerator;
        int64_t prepared;
    } rows[] = {
        { { 1, 0, "", "" }, "classes", 3 }, /* once more in an empty volume */
        { { 0, 1, "", "" }, "classes", 2 },      { { 0, 0, "a word", "" }, "classes", 2 },
        { { 0, 0, "", "./hot" }, "headers", 2 }, { { 1, 0, "", "./hot" }, "", 3 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("    row %zu\n", i);
        does = rows[i].does;
        const struct toolchain *t = test_language();
        assert_string_equal(t->accelerator, rows[i].accelerator);
        assert_int_equal(t->warm_build == TOOLCHAIN_WARM_FIRST,
                         strstr(rows[i].accelerator, "headers") != NULL);
        assert_int_equal(t->warm_run, strstr(rows[i].accelerator, "classes") != NULL);
        assert_int_equal(prepared, rows[i].prepared);
        assert_int_equal(close_place(state), 0);
        assert_int_equal(open_place(state), 0);
    }
}

/* Builds this source; the log and the number of warm and plain builds it took. */
static void expect_build(const char *text, bool made, const char *log, int64_t warm, int64_t plain)
{
    struct source_file file = { .bytes = { .data = (char *)(uintptr_t)text, .len = strlen(text) } };
    struct source_tree tree = { .files = &file, .len = 1 };
    CLEANUP(executable_clear)
    struct executable program = executable_of(toolchain_now(), &tree);
    struct build_outcome outcome;
    const char *why;

    print_message("    %s\n", text);
    ASSERT_OK(executable_name(&program, 64 * MIB, 64 * MIB, &why, e));
    ASSERT_OK(executable_load(&program, e));
    plain_builds = warm_builds = 0;
    lease_begin(&place.lease, place.pool, 1);
    ASSERT_OK(build_run(&place.lease, &program, &outcome, e));
    lease_end(&place.lease);
    assert_int_equal(outcome.artefact_fd >= 0, made);
    assert_string_equal(outcome.log.data ? outcome.log.data : "", log);
    assert_int_equal(warm_builds, warm);
    assert_int_equal(plain_builds, plain);
    build_outcome_clear(&outcome);
}

static void the_plain_command_decides(void **state)
{
    (void)state;
    does = as_it_should;
    (void)test_language();
    expect_build("good", true, "", 1, 0);
    expect_build("it fails warm", true, "", 1, 1);
    expect_build("it is killed", true, "", 1, 1);
    expect_build("it is slow", true, "", 1, 1);
    expect_build("it is lost", true, "", 1, 1);
    expect_build("it is wrong", false, "plain words", 1, 1);
    expect_build("killed and wrong", false, "plain words", 1, 1);
}

/* Either command makes the same program, so a build is found whichever is on. */
static void the_key_is_that_of_the_plain_command(void **state)
{
    (void)state;
    struct source_tree tree = { .files = &(struct source_file){ .bytes = { .len = 0 } }, .len = 1 };
    uint8_t keys[2][BUILD_KEY_SIZE];
    const char *why;

    does = as_it_should;
    struct toolchain copy = *test_language();
    for (int warm = 0; warm < 2; warm++) {
        copy.warm_build = warm ? TOOLCHAIN_WARM_FIRST : TOOLCHAIN_PLAIN;
        copy.warm_run = warm;
        CLEANUP(executable_clear) struct executable program = executable_of(&copy, &tree);
        ASSERT_OK(executable_name(&program, 64 * MIB, 64 * MIB, &why, e));
        build_key(&fake.config, &program, keys[warm]);
        assert_string_equal(program.run[0], warm ? "./hot" : "./cold");
    }
    assert_memory_equal(keys[0], keys[1], BUILD_KEY_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PLACE(warm_commands_are_on),
        ON_PLACE(a_warm_command_that_differs_is_off),
        ON_PLACE(the_plain_command_decides),
        ON_PLACE(the_key_is_that_of_the_plain_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
