/* Cells with a resident program: asked again and again over its stdin and stdout, and ended in all
 * ways. With both makers of boxes. */
#include <pthread.h>
#include <string.h>

#include "engine/pool/pool.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"
#include "tests/support/fixture.h"

static const char *const env[] = { "PATH=/bin", NULL };

static struct cell *open_resident(const char *script)
{
    const char *const argv[] = { "/bin/sh", "-c", script, NULL };
    struct cell_spec spec = fixture_spec();
    struct cell *c = NULL;

    spec.resident_argv = argv;
    spec.resident_env = env;
    ASSERT_OK(cell_open(fixture.docker, &fixture.host, &spec, &c, e));
    return c;
}

static int64_t soon(void) { return clock_mono_ns() + 20 * NS_PER_S; }

static void expect_answer(struct cell *c, const char *request, const char *answer)
{
    char got[100] = "";

    ASSERT_OK(cell_send(c, request, strlen(request), soon(), e));
    ASSERT_OK(cell_receive(c, got, strlen(answer), soon(), e));
    assert_string_equal(got, answer);
}

static void it_keeps_its_state(void **state)
{
    (void)state;
    struct cell *c = open_resident("n=0; while read -r x; do n=$((n + 1)); echo $n $x; done");

    expect_answer(c, "a\n", "1 a\n");
    expect_answer(c, "b\n", "2 b\n");
    assert_true(cell_alive(c));
    assert_true(cell_is_resident(c));
    (void)cell_free(c, fixture.docker);
}

/* More than a pipe holds, both ways at once would block each; the program reads all first. */
static void much_is_sent_and_received(void **state)
{
    (void)state;
    static char much[3 * MIB], got[sizeof much];
    struct cell *c = open_resident("head -c 3145728 >all; cat all; cat all");

    for (size_t i = 0; i < sizeof much; i++)
        much[i] = (char)(i * 7 + (i >> 12));
    ASSERT_OK(cell_send(c, much, sizeof much, soon(), e));
    for (int i = 0; i < 2; i++) {
        memset(got, 0, sizeof got);
        ASSERT_OK(cell_receive(c, got, sizeof got, soon(), e));
        assert_memory_equal(got, much, sizeof much);
    }
    (void)cell_free(c, fixture.docker);
}

static void expect_failure(struct cell *c, int64_t deadline_ns, enum err_kind kind)
{
    char got[4];
    struct err e;

    assert_int_equal(cell_receive(c, got, sizeof got, deadline_ns, &e), -1);
    assert_int_equal(e.kind, kind);
    (void)cell_free(c, fixture.docker);
}

static void its_end_is_a_failure(void **state)
{
    (void)state;
    expect_failure(open_resident("exit 0"), soon(), ERR_CELL);
    expect_failure(open_resident("kill -9 $$"), soon(), ERR_CELL);
    expect_failure(open_resident("exec >&-; sleep 60"), soon(), ERR_CELL);
    expect_failure(open_resident("echo ab; exit 0"), soon(), ERR_CELL);
    expect_failure(open_resident("sleep 60"), clock_mono_ns() + 200 * NS_PER_MS, ERR_TIMEOUT);
}

/* What it wrote before its end is an answer. */
static void the_last_words_are_read(void **state)
{
    (void)state;
    struct cell *c = open_resident("read -r x; echo done $x; exit 0");

    expect_answer(c, "a\n", "done a\n");
    expect_failure(c, soon(), ERR_CELL);
}

static void *abort_main(void *cell)
{
    cell_abort(cell);
    return NULL;
}

static void a_wait_can_be_aborted(void **state)
{
    (void)state;
    struct cell *c = open_resident("sleep 60");
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, abort_main, c), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    expect_failure(c, soon(), ERR_CANCELLED);
}

/* One that has ended is not alive, so a pool does not keep it. */
static void a_dead_one_is_noticed(void **state)
{
    (void)state;
    struct cell *c = open_resident("read -r x; exit 0");
    int64_t until = soon();

    assert_true(cell_alive(c));
    ASSERT_OK(cell_send(c, "x\n", 2, soon(), e));
    while (cell_alive(c))
        assert_true(clock_mono_ns() < until);
    (void)cell_free(c, fixture.docker);
}

/* It is a program like any other: no right, no network, no socket of the agent. */
static void it_has_no_rights(void **state)
{
    (void)state;
    struct cell *c = open_resident(
        "read -r x; grep -c 'CapEff:.*[1-9a-f]' /proc/self/status; grep -c : /proc/net/dev;"
        "[ -e /scrc/socket ] || echo none; read -r x");

    expect_answer(c, "\n", "0\n1\nnone\n");
    (void)cell_free(c, fixture.docker);
}

/* A class of the pool hands out the same one again, with what it has learnt. */
static void a_pool_keeps_it(void **state)
{
    (void)state;
    const struct pool_config pc = {
        .docker_host = fixture.engine, .host = &fixture.host, .parallel = 1, .creators = 1
    };
    const char *const argv[] = { "/bin/sh", "-c", "while read -r x; do y=$y$x; echo $y; done",
                                 NULL };
    struct cell_spec spec = fixture_spec(), plain = spec;
    struct pool *p = NULL;
    struct cell *c = NULL;
    int uses, class_number, other;

    spec.resident_argv = argv;
    spec.resident_env = env;
    ASSERT_OK(pool_start(&pc, &p, e));
    ASSERT_OK(class_number = pool_class_add(p, &spec, e));
    ASSERT_OK(other = pool_class_add(p, &plain, e));
    assert_int_not_equal(class_number, other);
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(pool_acquire(p, class_number, spec.memory_bytes, 10, &c, &uses, e));
        assert_int_equal(uses, i);
        expect_answer(c, "a\n", i == 0 ? "a\n" : "aa\n");
        pool_release(p, class_number, c, uses + 1);
    }
    (void)pool_stop(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(it_keeps_its_state),    FIXTURE_TEST(much_is_sent_and_received),
        FIXTURE_TEST(its_end_is_a_failure),  FIXTURE_TEST(the_last_words_are_read),
        FIXTURE_TEST(a_wait_can_be_aborted), FIXTURE_TEST(a_dead_one_is_noticed),
        FIXTURE_TEST(it_has_no_rights),      FIXTURE_TEST(a_pool_keeps_it),
    };
    return fixture_run_in_boxes(tests, ARRAY_LEN(tests));
}
