/* tests/unit/test_worker.c - the worker with a real job table, pool and sockets, and a Docker of
 * the test's own: what a fault of ours costs a submission, and how a stop ends. */
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "engine/docker/docker.h"
#include "engine/pool/pool.h"
#include "engine/queue/readiness.h"
#include "engine/queue/worker.h"
#include "engine/queue/worker_fault.h"
#include "schema/base/clock.h"
#include "schema/store/db.h"
#include "tests/support/assert_err.h"
#include "tests/support/fake_docker.h"
#include "tests/support/place.h"

#define LIMITED (96 * MIB) /* not the default memory: its cell is prefetched */

static bool builds(const struct fake_run *r) { return r->order->collect != AGENT_COLLECT_NONE; }

static atomic_int turn; /* of the callbacks below */

static void it_is_judged(void **state)
{
    (void)state;
    place_publish("c");
    place_start();
    struct submitted t = place_put("c", "hello", 0);
    place_expect(&t, "OK", 1, "");
}

static void hold_builds(struct fake_run *r) { r->way = builds(r) ? FAKE_HOLDS : FAKE_ANSWERS; }

static void cancelled_while_a_cell_is_prefetched(void **state)
{
    (void)state;
    place_publish("c");
    place_start();
    for (int i = 0; i < 3; i++) {
        fake.on_run = hold_builds;
        int64_t held = fake_count(&fake.held), updated = fake_count(&fake.updated);
        struct submitted gone = place_put("c", "hello", LIMITED);
        FAKE_AWAIT(fake.held > held && fake.updated > updated);
        place_cancel(&gone);
        place_expect(&gone, "-", 1, "cancelled");
        FAKE_UNTIL(place.running == 0);
        fake.on_run = NULL;
        struct submitted next = place_put("c", "hello", LIMITED);
        place_expect(&next, "OK", 1, "");
    }
}

static void die_in_runs(struct fake_run *r)
{
    bool dies = strncmp(r->source, "die", 3) == 0 && !builds(r) && atomic_fetch_sub(&turn, 1) > 0;
    r->way = dies ? FAKE_HANGS_UP : FAKE_ANSWERS;
}

static void its_own_cell_breaks(void **state)
{
    (void)state;
    fake.on_run = die_in_runs;
    place_publish("c");
    place_start();
    for (int64_t i = 1; i <= JOB_ATTEMPTS_MAX; i++) {
        turn = (int)i;
        struct submitted t = place_put("c", "die", 0);
        bool last = i == JOB_ATTEMPTS_MAX;
        place_expect(&t, last ? "-" : "OK", last ? i : i + 1, last ? "in 3 attempts" : "");
    }
    assert_false(readiness_paused(place.readiness));
}

static void no_cell_can_be_had(void **state)
{
    char why[400];
    (void)state;
    fake_refuse("POST", "/containers/create", 500, -1, "the daemon has had enough");
    place_publish("c");
    place_start();
    struct submitted t = place_put("c", "hello", 0);
    struct submitted other = place_put("c", "other", 0);
    FAKE_UNTIL(readiness_state(place.readiness, 2) != READINESS_OK);
    assert_string_equal(place.languages->rows[2].name, "c");
    readiness_reason(place.readiness, "c", why, sizeof why);
    assert_non_null(strstr(why, "the daemon has had enough"));
    assert_false(readiness_paused(place.readiness));
    assert_true(readiness_has_images(place.readiness));
    FAKE_UNTIL(place.running == 0);
    assert_int_equal(place_state(&t), JOB_QUEUED);

    fake_refuse("POST", "/containers/create", 500, 0, NULL);
    place_publish("c");
    place_expect(&t, "OK", 1, "");
    place_expect(&other, "OK", 1, "");
}

/* A submission whose memory is refused is not a fault of the language. */
static void its_memory_is_refused(void **state)
{
    (void)state;
    fake_refuse("POST", "/update", 500, -1, "too little");
    place_publish("c");
    place_start();
    struct submitted t = place_put("c", "hello", LIMITED);
    place_expect(&t, "-", JOB_ATTEMPTS_MAX, "too little");
    struct submitted usual = place_put("c", "hello", 0);
    place_expect(&usual, "OK", 1, "");
}

static void docker_goes_away_under_it(void **state)
{
    (void)state;
    fake.on_run = die_in_runs;
    turn = 1;
    place_publish("c");
    place_start();
    fake_refuse("GET", "/_ping", 503, -1, "not now");
    struct submitted t = place_put("c", "die", 0);
    FAKE_UNTIL(readiness_paused(place.readiness));
    FAKE_UNTIL(place.running == 0);
    assert_int_equal(place_state(&t), JOB_QUEUED);
    fake_refuse("GET", "/_ping", 503, 0, NULL);
    assert_true(readiness_resume(place.readiness));
    place_expect(&t, "OK", 1, "");
}

/* A program that breaks Docker each time does not do so for ever. */
static void docker_goes_away_each_time(void **state)
{
    int pauses = 0;
    (void)state;
    fake.on_run = die_in_runs;
    turn = 1000;
    place_publish("c");
    place_start();
    fake_refuse("GET", "/_ping", 503, -1, "not now");
    struct submitted t = place_put("c", "die", 0);
    for (; !job_state_is_final(place_state(&t)); pauses += readiness_resume(place.readiness))
        (void)poll(NULL, 0, 2);
    place_expect(&t, "-", 1, "the host failed each time");
    assert_int_equal(pauses, WORKER_HOST_FAULTS_MAX - 1);
}

static bool silent_once(void) { return atomic_fetch_sub(&turn, 1) > 0; }

static void fall_silent(struct fake_run *r)
{
    if (!builds(r) && strcmp(r->source, "freeze") == 0 && silent_once())
        r->way = FAKE_SILENT;
}

/* The agent does not answer, and Docker can neither kill nor remove its container: that does not
 * count as a fault of Docker, and no worker waits for it. */
static void a_cell_is_slow_to_die(void **state)
{
    (void)state;
    fake.on_run = fall_silent;
    turn = 1;
    place_publish("c");
    place_start();
    struct submitted t = place_put("c", "freeze", 0);
    FAKE_AWAIT(fake.held > 0);
    fake_refuse("POST", "/kill", 500, -1, "did not receive an exit event");
    fake_refuse("DELETE", "/containers/", 0, 2, NULL);
    struct submitted next = place_put("c", "hello", 0);
    place_expect(&t, "OK", 2, "");
    place_expect(&next, "OK", 1, "");
    assert_false(readiness_paused(place.readiness));
}

static void unreadable(const char *sql, const struct submitted *t)
{
    CLEANUP(db_closep) struct db *d = NULL;
    char path[200], text[200];
    (void)snprintf(path, sizeof path, "%s/scrc.db", place.dir);
    (void)snprintf(text, sizeof text, "%s WHERE seq = %lld", sql, (long long)t->seq);
    ASSERT_OK(db_open(path, DB_WRITER, &d, e));
    ASSERT_OK(db_exec(d, text, e));
}

static void it_cannot_be_read(void **state)
{
    (void)state;
    static const char *const damage[] = { "UPDATE body SET json = '{\"v'", "DELETE FROM body" };
    struct submitted damaged[ARRAY_LEN(damage)];
    char large[SUBMISSION_INLINE_MAX + 1]; /* which no worker has before the commit */

    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    place_publish("c");
    for (size_t i = 0; i < ARRAY_LEN(damage); i++) {
        damaged[i] = place_put("c", large, 0);
        unreadable(damage[i], &damaged[i]);
    }
    struct submitted next = place_put("c", "hello", 0);
    place_start();
    for (size_t i = 0; i < ARRAY_LEN(damage); i++)
        place_expect(&damaged[i], "-", 1, "cannot be read");
    place_expect(&next, "OK", 1, "");
}

static void unavailable_between_claim_and_judging(void **state)
{
    (void)state;
    place_publish("c");
    place_start();
    readiness_unavailable(place.readiness, 2, READINESS_PENDING, true, "the test says so");
    struct submitted t = place_put("c", "hello", 0);
    assert_int_equal(place_state(&t), JOB_QUEUED);
    place_publish("c");
    place_expect(&t, "OK", 1, "");
}

/* The deadline ends every call to Docker. */
static void a_stop_does_not_wait_for_docker(void **state)
{
    (void)state;
    static const char *const calls[] = { "/update", "/containers/create" };
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (i > 0) {
            assert_int_equal(place_close(state), 0);
            assert_int_equal(place_open(state), 0);
        }
        fake_refuse("POST", calls[i], 0, -1, NULL);
        place_publish("c");
        place_start();
        struct submitted t = place_put("c", "hello", LIMITED);
        FAKE_UNTIL(place.running == 1);
        readiness_stop(place.readiness);
        int64_t began = clock_mono_ns();
        place.worker = worker_stop(place.worker, began + 100 * NS_PER_MS);
        assert_in_range(clock_mono_ns() - began, 0, 15 * NS_PER_S);
        assert_int_equal(place_state(&t), JOB_QUEUED);
        fake_refuse("POST", calls[i], 0, 0, NULL);
        place.pool = pool_stop_until(place.pool, clock_mono_ns() + NS_PER_S);
    }
}

static void hold_runs(struct fake_run *r) { r->way = builds(r) ? FAKE_ANSWERS : FAKE_HOLDS; }

static void *release_when_held(void *arg)
{
    FAKE_AWAIT(fake.held > 0);
    readiness_stop(place.readiness);
    fake_release();
    return arg;
}

static void a_stop_lets_a_run_finish(void **state)
{
    pthread_t thread;
    (void)state;
    fake.on_run = hold_runs;
    place_publish("c");
    place_start();
    struct submitted t = place_put("c", "hello", 0);
    assert_int_equal(pthread_create(&thread, NULL, release_when_held, NULL), 0);
    (void)pthread_join(thread, NULL);
    place.worker = worker_stop(place.worker, clock_mono_ns() + FAKE_WAIT_NS);
    place_expect(&t, "OK", 1, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PLACE(it_is_judged),
        ON_PLACE(cancelled_while_a_cell_is_prefetched),
        ON_PLACE(its_own_cell_breaks),
        ON_PLACE(no_cell_can_be_had),
        ON_PLACE(its_memory_is_refused),
        ON_PLACE(docker_goes_away_under_it),
        ON_PLACE(docker_goes_away_each_time),
        ON_PLACE(a_cell_is_slow_to_die),
        ON_PLACE(it_cannot_be_read),
        ON_PLACE(unavailable_between_claim_and_judging),
        ON_PLACE(a_stop_does_not_wait_for_docker),
        ON_PLACE(a_stop_lets_a_run_finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
