/* The hub over a real job table; subscribers are buffers and one end of a socket pair. */
#define send send_submission /* sys/socket.h has another */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/engine.h"
#include "schema/base/clock.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_read.h"
#include "server/config.h"
#include "server/live/hub.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/row.h"

#undef send

static struct hub_times quick = { .frame_ns = 20 * NS_PER_MS,
                                  .heartbeat_ns = 100 * NS_PER_MS,
                                  .stall_ns = 60 * NS_PER_S,
                                  .sweep_ns = 20 * NS_PER_MS };

struct stage {
    struct job_table *t;
    struct config config;
    struct hub *hub;
    char prefix[9];
};

static void stage_open(struct stage *s, struct job_table *t)
{
    struct err e = { 0 };

    *s = (struct stage){ .t = t, .config = { .report_test_io = true } };
    (void)snprintf(s->prefix, sizeof s->prefix, "%.8s", jobs_table_id(t->j));
    if (hub_open(t->j, &s->config, &quick, &s->hub, &e) < 0)
        fail_msg("%s", e.msg);
    jobs_listen(t->j, hub_changed, s->hub);
}

/* The table has no unlisten: it goes first. */
static void stage_close(struct stage *s)
{
    hub_stop(s->hub);
    s->t->j = jobs_close(s->t->j);
    s->hub = hub_free(s->hub);
}

/* ---- a subscriber ---- */

struct listener {
    struct hub_sub sub;
    int fds[2]; /* ours, the client's */
    atomic_int wakes;
    char text[200000];
    size_t len;
    bool ended;
};

static void on_wake(struct hub_sub *s)
{
    atomic_fetch_add(&((struct listener *)(void *)s)->wakes, 1);
}

static struct listener *listen_to(struct stage *s, int64_t seq, const char *id, const char *last)
{
    struct listener *l = calloc(1, sizeof *l);
    struct err e = { 0 };

    assert_non_null(l);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, l->fds), 0);
    l->sub = (struct hub_sub){ .seq = seq, .fd = l->fds[0], .wake = on_wake };
    if (hub_join(s->hub, &l->sub, id, last, &e) < 0)
        fail_msg("%s", e.msg);
    return l;
}

static void leave(struct listener *l)
{
    hub_leave(&l->sub);
    closep(&l->fds[0]);
    closep(&l->fds[1]);
    free(l);
}

/* As the library does: reads what there is, and sleeps when there is nothing. */
static void read_on(struct listener *l, size_t piece)
{
    while (!l->ended) {
        ssize_t n =
            hub_read(&l->sub, l->text + l->len,
                     piece < sizeof l->text - l->len - 1 ? piece : sizeof l->text - l->len - 1);
        if (n > 0) {
            l->len += (size_t)n;
            l->text[l->len] = '\0';
            continue;
        }
        l->ended = n < 0;
        int seen = atomic_load(&l->wakes);
        if (l->ended || !hub_sleep(&l->sub))
            continue;
        for (int i = 0; atomic_load(&l->wakes) == seen; i++) {
            if (i > 5000)
                return; /* whoever waits for more will say so */
            (void)usleep(1000);
        }
        return;
    }
}

static void until_text(struct listener *l, const char *text)
{
    int64_t end = clock_mono_ns() + 10 * NS_PER_S;

    while (!strstr(l->text, text) && !l->ended && clock_mono_ns() < end)
        read_on(l, 4096);
    if (!strstr(l->text, text))
        fail_msg("no '%s' in: %s", text, l->text);
}

static void until_end(struct listener *l)
{
    int64_t end = clock_mono_ns() + 10 * NS_PER_S;

    while (!l->ended && clock_mono_ns() < end)
        read_on(l, 7); /* pieces that fit nothing */
    assert_true(l->ended);
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, word)); at++)
        n++;
    return n;
}

/* ---- one submission ---- */

static void tell(struct stage *s, int64_t seq, enum engine_event_kind kind, int64_t number)
{
    hub_engine_event(s->hub, &(struct engine_event){ .seq = seq,
                                                     .kind = kind,
                                                     .number = number,
                                                     .verdict = VERDICT_RE,
                                                     .exit_code = 139,
                                                     .signal = "SIGSEGV" });
}

static void one_is_told_from_its_state_to_its_report(void **state)
{
    struct stage s;
    stage_open(&s, *state);

    int64_t seq = row_accept(s.t->j, "a", "c");
    struct listener *l = listen_to(&s, seq, "a", NULL);
    until_text(l, "\"position\":1,\"phase\":null}\n\n");
    assert_int_equal(strncmp(l->text, "retry: 1000\n\n", 13), 0);
    (void)row_claim_c(s.t->j);
    until_text(l, "\"state\":\"running\"");
    tell(&s, seq, ENGINE_BUILDS, 0);
    until_text(l, "\"phase\":\"build\"}");
    tell(&s, seq, ENGINE_RUNS, 0);
    tell(&s, seq, ENGINE_TESTED, 7);
    until_text(
        l, "event: test\ndata: {\"id\":\"a\",\"number\":7,\"status\":\"RE\",\"verdict\":\"RE\"");
    until_text(l, "\"exit_code\":139,\"signal\":\"SIGSEGV\"}\n\n");
    row_finish_ok(s.t->j, seq, "a", VERDICT_WA, 5);
    until_end(l);
    assert_int_equal(count(l->text, "event: state\n"), 4);
    assert_int_equal(count(l->text, "event: report\n"), 1);
    assert_int_equal(count(l->text, "\"phase\":\"run\""), 1);
    char *report = strstr(l->text, "event: report\n");
    assert_non_null(strstr(report, "\"tests\":[{"));
    assert_string_equal(l->text + l->len - 2, "\n\n");
    leave(l);
    stage_close(&s);
}

/* A change that cannot be read may be the last one: nobody may wait for another. */
static void a_change_that_cannot_be_read_ends_the_stream(void **state)
{
    struct stage s;
    stage_open(&s, *state);

    int64_t seq = row_accept(s.t->j, "a", "c");
    struct listener *l = listen_to(&s, seq, "a", NULL);
    until_text(l, "\"position\":1,\"phase\":null}\n\n");
    job_table_write(s.t, "ALTER TABLE job RENAME TO elsewhere");
    tell(&s, seq, ENGINE_BUILDS, 0);
    until_end(l);
    assert_int_equal(count(l->text, "event: state\n"), 1);
    job_table_write(s.t, "ALTER TABLE elsewhere RENAME TO job");
    leave(l);
    stage_close(&s);
}

static void only_its_own_listeners_hear(void **state)
{
    struct stage s;
    stage_open(&s, *state);

    int64_t a = row_accept(s.t->j, "a", "c"), b = row_accept(s.t->j, "b", "c");
    struct listener *la = listen_to(&s, a, "a", NULL), *la2 = listen_to(&s, a, "a", NULL);
    struct listener *lb = listen_to(&s, b, "b", NULL);
    tell(&s, a, ENGINE_TESTED, 1);
    until_text(la, "event: test");
    assert_int_equal(count(la->text, "event: state\n"),
                     1); /* the table does not say yet that it runs */
    until_text(la2, "event: test");
    tell(&s, b, ENGINE_TESTED, 2);
    until_text(lb, "\"number\":2");
    assert_null(strstr(lb->text, "\"id\":\"a\""));
    leave(la);
    tell(&s, a, ENGINE_TESTED, 3);
    until_text(la2, "\"number\":3");
    leave(la2);
    leave(lb);
    assert_int_equal(hub_count(s.hub), 0);
    stage_close(&s);
}

/* More tests than one may keep: they are dropped, the report is not. */
static void whoever_is_slow_loses_tests_and_nothing_else(void **state)
{
    struct stage s;
    stage_open(&s, *state);

    int64_t seq = row_accept(s.t->j, "a", "c");
    struct listener *l = listen_to(&s, seq, "a", NULL), *quick_one = listen_to(&s, seq, "a", NULL);
    until_text(quick_one, "event: state");
    (void)row_claim_c(s.t->j);
    for (int i = 1; i <= 1000; i++) {
        char number[40];
        tell(&s, seq, ENGINE_TESTED, i);
        if (i % 100 > 0)
            continue;
        (void)snprintf(number, sizeof number, "\"number\":%d,", i);
        until_text(quick_one, number);
    }
    row_finish_ok(s.t->j, seq, "a", VERDICT_OK, 5);
    until_end(quick_one);
    until_end(l);
    assert_int_equal(count(quick_one->text, "event: test\n"), 1000);
    size_t told = count(l->text, "event: test\n");
    assert_true(told > 100 && told < 1000 && l->len < (size_t)(HUB_PENDING + 8 * KIB));
    assert_int_equal(count(l->text, "event: report\n"), 1);
    leave(l);
    leave(quick_one);
    stage_close(&s);
}

/* ---- everything ---- */

static void everything_is_told_once_in_its_last_state(void **state)
{
    struct stage s;
    char id[12];
    stage_open(&s, *state);

    struct listener *l = listen_to(&s, 0, "", NULL);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(id, sizeof id, "r%d", i);
        (void)row_accept(s.t->j, id, "c");
    }
    int64_t seq = row_claim_c(s.t->j);
    until_text(l, "\"id\":\"r0\",\"state\":\"running\"");
    tell(&s, seq, ENGINE_TESTED, 1); /* not before: whoever is behind is not told of tests */
    until_text(l, "event: test\ndata: {\"id\":\"r0\"");
    row_finish_ok(s.t->j, seq, "r0", VERDICT_OK, 5);
    until_text(l, "event: report");
    for (int i = 1; i < 300; i++) {
        char text[40];
        (void)snprintf(text, sizeof text, "\"id\":\"r%d\",", i);
        assert_int_equal(count(l->text, text), 1);
    }
    leave(l);
    stage_close(&s);
}

static void assert_begins(struct listener *l, const char *text)
{
    read_on(l, 4096);
    if (strncmp(l->text, text, strlen(text)) != 0)
        fail_msg("not '%s' but '%s'", text, l->text);
    leave(l);
}

static void resume_and_reset(void **state)
{
    struct stage s;
    struct jobs_op op;
    struct err e = { 0 };
    char last[40];
    stage_open(&s, *state);

    (void)row_accept(s.t->j, "a", "c");
    (void)row_accept(s.t->j, "b", "c");
    (void)snprintf(last, sizeof last, "%s-1", s.prefix);
    assert_int_equal(hub_event_revision(s.hub, last), 1);
    struct listener *l = listen_to(&s, 0, "", last);
    until_text(l, "\"id\":\"b\"");
    assert_null(strstr(l->text, "\"id\":\"a\""));
    assert_int_equal(row_cancel(s.t->j, "a", &op, &e), 0);
    until_text(l, "\"id\":\"a\",\"state\":\"cancelled\"");
    leave(l);

    static const char *const wrong[] = { "",      "x",          "%s",
                                         "%s-",   "%s-4",       "%s-1 ",
                                         "%s--1", "zzzzzzzz-1", "%s-00000000000000000001" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const char *at = strstr(wrong[i], "%s");
        (void)snprintf(last, sizeof last, "%s%s", at ? s.prefix : wrong[i], at ? at + 2 : "");
        assert_begins(listen_to(&s, 0, "", last), "retry: 1000\nevent: reset\nid: ");
    }
    stage_close(&s);
}

/* As after a failover of a database. */
/* What was read for another one before is not what the row is now. */
static void who_resumes_gets_the_present_state(void **state)
{
    struct stage s;
    char last[40];
    stage_open(&s, *state);

    (void)snprintf(last, sizeof last, "%s-0", s.prefix);
    (void)row_accept(s.t->j, "a", "c");
    int64_t seq = row_claim_c(s.t->j);
    struct listener *l = listen_to(&s, 0, "", last);
    until_text(l, "\"state\":\"running\"");
    leave(l);
    row_finish_ok(s.t->j, seq, "a", VERDICT_OK, 5);
    l = listen_to(&s, 0, "", last);
    until_text(l, "event: report");
    assert_null(strstr(l->text, "\"state\":\"running\""));
    leave(l);
    stage_close(&s);
}

static void a_new_epoch_resets_all_streams(void **state)
{
    struct stage s;
    char last[JOBS_EPOCH_SIZE + 20], reset[200];
    stage_open(&s, *state);

    int64_t seq = row_accept(s.t->j, "a", "c");
    struct listener *all = listen_to(&s, 0, "", NULL), *one = listen_to(&s, seq, "a", NULL);
    until_text(one, "\"state\":\"queued\"");
    jobs_set_epoch(s.t->j, "abc.2");
    (void)snprintf(reset, sizeof reset, "event: reset\nid: %sabc.2-1\ndata: {", s.prefix);
    until_text(all, reset);
    until_text(one, "event: reset\ndata: {");
    (void)row_accept(s.t->j, "b", "c");
    (void)snprintf(last, sizeof last, "id: %sabc.2-2\n", s.prefix);
    until_text(all, last);
    assert_null(strstr(strstr(all->text, reset) + strlen(reset), "reset"));
    const char *again = strstr(one->text, "event: reset");
    assert_non_null(strstr(again, "\"state\":\"queued\""));
    leave(all);
    leave(one);
    (void)snprintf(last, sizeof last, "%s-1", s.prefix);
    assert_begins(listen_to(&s, 0, "", last), "retry: 1000\nevent: reset\nid: ");
    stage_close(&s);
}

/* ---- who is quiet, slow, gone; the end ---- */

static void quiet_ones_get_heartbeats(void **state)
{
    struct stage s;
    stage_open(&s, *state);

    struct listener *l = listen_to(&s, 0, "", NULL);
    until_text(l, "\n\n:\n\n");
    until_text(l, "\n\n:\n\n:\n\n");
    leave(l);
    stage_close(&s);
}

/* The socket of one that does not read is shut down; the library finds its end there. */
static void whoever_does_not_read_is_dropped(void **state)
{
    struct stage s;
    char byte;
    quick.stall_ns = 200 * NS_PER_MS;
    stage_open(&s, *state);
    quick.stall_ns = 60 * NS_PER_S;

    struct listener *l = listen_to(&s, 0, "", NULL);
    assert_int_equal(recv(l->fds[1], &byte, 1, 0), 0);
    assert_int_equal(hub_read(&l->sub, &byte, 1), -1);
    leave(l);
    stage_close(&s);
}

static void whoever_hangs_up_is_woken_to_its_end(void **state)
{
    struct stage s;
    stage_open(&s, *state);

    struct listener *l = listen_to(&s, row_accept(s.t->j, "a", "c"), "a", NULL);
    until_text(l, "event: state");
    (void)shutdown(l->fds[1], SHUT_WR);
    until_end(l);
    leave(l);
    stage_close(&s);
}

static void the_end_comes_to_all(void **state)
{
    struct stage s;
    struct err e = { 0 };
    stage_open(&s, *state);

    int64_t seq = row_accept(s.t->j, "a", "c");
    struct listener *one = listen_to(&s, seq, "a", NULL), *all = listen_to(&s, 0, "", NULL);
    hub_drain(s.hub);
    until_end(all);
    tell(&s, seq, ENGINE_TESTED, 9); /* goes on while it is judged */
    until_text(one, "\"number\":9");
    struct hub_sub late = { .seq = 0, .fd = one->fds[0], .wake = on_wake };
    assert_int_equal(hub_join(s.hub, &late, "", NULL, &e), -1);
    assert_int_equal(e.kind, ERR_CANCELLED);
    hub_leave(&late);
    hub_stop(s.hub);
    until_end(one);
    tell(&s, seq, ENGINE_TESTED, 10);
    (void)row_accept(s.t->j, "b", "c");
    leave(one);
    leave(all);
    stage_close(&s);
}

/* ---- many at once ---- */

static void *come_and_go(void *ctx)
{
    struct stage *s = ctx;

    for (int i = 0; i < 60; i++) {
        struct listener *l = listen_to(s, i % 3 == 0 ? 0 : 1 + i % 20, "r", NULL);
        read_on(l, 100);
        /* One that sleeps is woken before it leaves, as the end of its connection does. */
        (void)shutdown(l->fds[1], SHUT_WR);
        until_end(l);
        leave(l);
    }
    return NULL;
}

static void come_and_go_while_much_happens(void **state)
{
    struct stage s;
    pthread_t threads[4];
    char id[12];
    stage_open(&s, *state);

    for (int i = 0; i < 20; i++) {
        (void)snprintf(id, sizeof id, "r%d", i);
        (void)row_accept(s.t->j, id, "c");
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &s), 0);
    for (int64_t seq; (seq = row_claim_c(s.t->j)) != 0;) {
        for (int i = 0; i < 50; i++)
            tell(&s, seq, ENGINE_TESTED, i + 1);
        (void)snprintf(id, sizeof id, "r%d", (int)(seq % 1000) - 1);
        row_finish_ok(s.t->j, seq, id, VERDICT_OK, 5);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(hub_count(s.hub), 0);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(one_is_told_from_its_state_to_its_report),
        ON_TABLE(a_change_that_cannot_be_read_ends_the_stream),
        ON_TABLE(only_its_own_listeners_hear),
        ON_TABLE(whoever_is_slow_loses_tests_and_nothing_else),
        ON_TABLE(everything_is_told_once_in_its_last_state),
        ON_TABLE(resume_and_reset),
        ON_TABLE(who_resumes_gets_the_present_state),
        ON_TABLE(a_new_epoch_resets_all_streams),
        ON_TABLE(quiet_ones_get_heartbeats),
        ON_TABLE(whoever_does_not_read_is_dropped),
        ON_TABLE(whoever_hangs_up_is_woken_to_its_end),
        ON_TABLE(the_end_comes_to_all),
        ON_TABLE(come_and_go_while_much_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
