/* The worker with a real job table, pool and sockets, and a Docker of the test's own: what a fault
 * of ours costs a submission, and how a stop ends. */
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cell/cell.h"
#include "engine/docker/docker.h"
#include "engine/language/language.h"
#include "engine/pool/pool.h"
#include "engine/queue/job_source.h"
#include "engine/queue/readiness.h"
#include "engine/queue/worker.h"
#include "engine/queue/worker_fault.h"
#include "schema/base/bytes.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/model/submission.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/fake_docker.h"
#include "tests/support/fake_pool.h"

#define LIMITED (96 * MIB) /* not the usual memory: its cell is taken ahead */

static struct place {
    char dir[128];
    struct jobs *jobs;
    struct job_source *tables;
    struct language_table *languages;
    struct pool *pool;
    struct readiness *ready;
    struct worker_host_faults host_faults;
    struct worker *worker;
    _Atomic int64_t running;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    int64_t final;
} place;

/* As the engine does. */
static void jobs_changed(void *ctx, const struct jobs_change *changes, size_t len)
{
    struct place *p = ctx;
    for (size_t i = 0; i < len; i++)
        if (changes[i].state == JOB_QUEUED)
            readiness_signal(p->ready, 1);
    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < len; i++)
        p->final += job_state_is_final(changes[i].state);
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
}

static void publish(const char *language)
{
    for (size_t i = 0; i < place.languages->len; i++)
        if (strcmp(place.languages->rows[i].name, language) == 0)
            assert_true(readiness_available(place.ready, i,
                                            fake_plan(place.languages, language, place.pool)));
}

static void start_worker(void)
{
    const struct worker_config wc = { .engine = &fake.config,
                                      .host = &fake.cell_host,
                                      .pool = place.pool,
                                      .ready = place.ready,
                                      .tables = place.tables,
                                      .host_faults = &place.host_faults,
                                      .running = &place.running };
    ASSERT_OK(worker_start(&wc, &place.worker, e));
}

static int open_place(void **state)
{
    struct jobs_config jc = { .dir = place.dir, .instance = "one", .max_queued = 1000 };
    place = (struct place){ .lock = PTHREAD_MUTEX_INITIALIZER };
    clock_cond_init(&place.changed);
    if (fake_open(state) < 0)
        return -1;
    (void)snprintf(place.dir, sizeof place.dir, "%s/table", fake.dir);
    worker_fault_open(&place.host_faults);
    ASSERT_OK(language_table_open(NULL, NULL, 0, &place.languages, e));
    ASSERT_OK(jobs_open(&jc, &place.jobs, e));
    ASSERT_OK(job_source_open(place.jobs, &place.tables, e));
    ASSERT_OK(readiness_open(place.languages, &place.ready, e));
    jobs_listen(place.jobs, jobs_changed, &place);
    place.pool = fake_pool(2);
    return 0;
}

static int close_place(void **state)
{
    fake_release();
    readiness_stop(place.ready);
    place.worker = worker_stop(place.worker, clock_mono_ns() + 30 * NS_PER_S);
    place.pool = pool_stop(place.pool);
    place.jobs = jobs_close(place.jobs);
    place.ready = readiness_free(place.ready);
    place.tables = job_source_free(place.tables);
    place.languages = language_table_free(place.languages);
    worker_fault_close(&place.host_faults);
    (void)pthread_cond_destroy(&place.changed);
    return fake_close(state);
}
#define ON_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

/* ---- submissions ---- */

struct ticket {
    char id[SUBMISSION_ID_MAX + 1];
    int64_t seq;
};

static struct ticket put(const char *language, const char *source, int64_t memory_bytes)
{
    struct submission s = {
        .language = (char *)(uintptr_t)language,
        .source = { .data = (char *)(uintptr_t)source, .len = strlen(source) },
        .limits = { .time_ms = 1000, .wall_ms = 1000, .memory_bytes = memory_bytes },
        .checker = { .kind = CHECKER_LINES, .case_sensitive = true },
        .stop_on_failure = true
    };
    struct submission_packed packed;
    struct ticket t;

    submission_hash(&s, s.hash);
    ASSERT_OK(submission_pack(&s, &packed, e));
    struct jobs_op op = { .kind = JOBS_ACCEPT,
                          .u.accept = { .submission = &s, .packed = &packed } };
    ASSERT_OK(jobs_do(place.jobs, &op, e));
    submission_packed_clear(&packed);
    t.seq = op.u.accept.seq;
    (void)snprintf(t.id, sizeof t.id, "%s", op.u.accept.id);
    return t;
}

/* Waits for the report; the caller owns it. */
static json_t *report_of(const struct ticket *t)
{
    int64_t until = clock_mono_ns() + FAKE_WAIT_NS;
    char *text = NULL;
    size_t len;
    struct err e;
    bool in_time = true;

    while (jobs_report(place.jobs, t->id, NULL, &text, &len, &e) < 0) {
        if (!in_time)
            fail_msg("%s has no report", t->id);
        (void)pthread_mutex_lock(&place.lock);
        int64_t seen = place.final;
        while (in_time && place.final == seen) {
            struct job_status s;
            (void)pthread_mutex_unlock(&place.lock);
            bool final = jobs_status(place.jobs, t->id, &s, &e) == 0 && job_state_is_final(s.state);
            (void)pthread_mutex_lock(&place.lock);
            if (final)
                break;
            if (place.final == seen)
                in_time = clock_cond_wait(&place.changed, &place.lock, until);
        }
        (void)pthread_mutex_unlock(&place.lock);
    }
    json_t *report = json_loadb(text, len, 0, NULL);
    free(text);
    assert_non_null(report);
    return report;
}

static void expect(const struct ticket *t, const char *verdict, int64_t attempts, const char *error)
{
    json_auto_t *r = report_of(t);
    const char *said = json_string_value(json_object_get(r, "error"));

    assert_string_equal(json_string_value(json_object_get(r, "verdict")), verdict);
    if (error[0] ? !strstr(said, error) : said[0] != '\0')
        fail_msg("error is '%s'", said);
    assert_int_equal(json_integer_value(json_object_get(r, "attempts")), attempts);
}

static enum job_state state_of(const struct ticket *t)
{
    struct job_status s;
    ASSERT_OK(jobs_status(place.jobs, t->id, &s, e));
    return s.state;
}

static void cancel(const struct ticket *t)
{
    struct jobs_op op = { .kind = JOBS_CANCEL, .u.cancel.id = t->id };
    ASSERT_OK(jobs_do(place.jobs, &op, e));
    assert_true(op.u.cancel.was_running);
    assert_true(worker_cancel(place.worker, op.u.cancel.seq));
}

static bool builds(const struct fake_run *r) { return r->order->collect != AGENT_COLLECT_NONE; }

static atomic_int turn; /* of the callbacks below */

/* ---- */

static void it_is_judged(void **state)
{
    (void)state;
    publish("c");
    start_worker();
    struct ticket t = put("c", "hello", 0);
    expect(&t, "OK", 1, "");
}

static void hold_builds(struct fake_run *r) { r->way = builds(r) ? FAKE_HOLDS : FAKE_ANSWERS; }

static void cancelled_while_a_cell_is_taken_ahead(void **state)
{
    (void)state;
    publish("c");
    start_worker();
    for (int i = 0; i < 3; i++) {
        fake.on_run = hold_builds;
        int64_t held = fake_count(&fake.held), updated = fake_count(&fake.updated);
        struct ticket gone = put("c", "hello", LIMITED);
        FAKE_AWAIT(fake.held > held && fake.updated > updated);
        cancel(&gone);
        expect(&gone, "-", 1, "cancelled");
        FAKE_UNTIL(place.running == 0);
        fake.on_run = NULL;
        struct ticket next = put("c", "hello", LIMITED);
        expect(&next, "OK", 1, "");
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
    publish("c");
    start_worker();
    for (int64_t i = 1; i <= JOB_ATTEMPTS_MAX; i++) {
        turn = (int)i;
        struct ticket t = put("c", "die", 0);
        bool last = i == JOB_ATTEMPTS_MAX;
        expect(&t, last ? "-" : "OK", last ? i : i + 1, last ? "in 3 attempts" : "");
    }
    assert_false(readiness_paused(place.ready));
}

static void no_cell_can_be_had(void **state)
{
    char why[400];
    (void)state;
    fake_refuse("POST", "/containers/create", 500, -1, "the daemon has had enough");
    publish("c");
    start_worker();
    struct ticket t = put("c", "hello", 0);
    struct ticket other = put("c", "other", 0);
    FAKE_UNTIL(readiness_state(place.ready, 2) != READINESS_OK);
    assert_string_equal(place.languages->rows[2].name, "c");
    readiness_reason(place.ready, "c", why, sizeof why);
    assert_non_null(strstr(why, "the daemon has had enough"));
    assert_false(readiness_paused(place.ready));
    assert_true(readiness_has_images(place.ready));
    FAKE_UNTIL(place.running == 0);
    assert_int_equal(state_of(&t), JOB_QUEUED);

    fake_refuse("POST", "/containers/create", 500, 0, NULL);
    publish("c");
    expect(&t, "OK", 1, "");
    expect(&other, "OK", 1, "");
}

/* The memory of one submission is not the language's fault. */
static void its_memory_is_refused(void **state)
{
    (void)state;
    fake_refuse("POST", "/update", 500, -1, "too little");
    publish("c");
    start_worker();
    struct ticket t = put("c", "hello", LIMITED);
    expect(&t, "-", JOB_ATTEMPTS_MAX, "too little");
    struct ticket usual = put("c", "hello", 0);
    expect(&usual, "OK", 1, "");
}

static void docker_goes_away_under_it(void **state)
{
    (void)state;
    fake.on_run = die_in_runs;
    turn = 1;
    publish("c");
    start_worker();
    fake_refuse("GET", "/_ping", 503, -1, "not now");
    struct ticket t = put("c", "die", 0);
    FAKE_UNTIL(readiness_paused(place.ready));
    FAKE_UNTIL(place.running == 0);
    assert_int_equal(state_of(&t), JOB_QUEUED);
    fake_refuse("GET", "/_ping", 503, 0, NULL);
    assert_true(readiness_resume(place.ready));
    expect(&t, "OK", 1, "");
}

/* It takes Docker with it, each time: that ends. */
static void docker_goes_away_each_time(void **state)
{
    int pauses = 0;
    (void)state;
    fake.on_run = die_in_runs;
    turn = 1000;
    publish("c");
    start_worker();
    fake_refuse("GET", "/_ping", 503, -1, "not now");
    struct ticket t = put("c", "die", 0);
    for (; !job_state_is_final(state_of(&t)); pauses += readiness_resume(place.ready))
        (void)poll(NULL, 0, 2);
    expect(&t, "-", 1, "the host failed each time");
    assert_int_equal(pauses, WORKER_HOST_FAULTS_MAX - 1);
}

static bool silent_once(void) { return atomic_fetch_sub(&turn, 1) > 0; }

static void fall_silent(struct fake_run *r)
{
    if (!builds(r) && strcmp(r->source, "freeze") == 0 && silent_once())
        r->way = FAKE_SILENT;
}

/* The agent does not answer, and Docker can neither kill nor remove its container: that is no news
 * about Docker, and nobody waits for it. */
static void a_cell_is_slow_to_die(void **state)
{
    (void)state;
    fake.on_run = fall_silent;
    turn = 1;
    publish("c");
    start_worker();
    struct ticket t = put("c", "freeze", 0);
    FAKE_AWAIT(fake.held > 0);
    fake_refuse("POST", "/kill", 500, -1, "did not receive an exit event");
    fake_refuse("DELETE", "/containers/", 0, 2, NULL);
    struct ticket next = put("c", "hello", 0);
    expect(&t, "OK", 2, "");
    expect(&next, "OK", 1, "");
    assert_false(readiness_paused(place.ready));
}

static void unreadable(const char *sql, const struct ticket *t)
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
    struct ticket damaged[ARRAY_LEN(damage)];

    publish("c");
    for (size_t i = 0; i < ARRAY_LEN(damage); i++) {
        damaged[i] = put("c", "hello", 0);
        unreadable(damage[i], &damaged[i]);
    }
    struct ticket next = put("c", "hello", 0);
    start_worker();
    for (size_t i = 0; i < ARRAY_LEN(damage); i++)
        expect(&damaged[i], "-", 1, "cannot be read");
    expect(&next, "OK", 1, "");
}

static void unavailable_between_claim_and_plan(void **state)
{
    (void)state;
    publish("c");
    start_worker();
    readiness_unavailable(place.ready, 2, READINESS_PENDING, true, "the test says so");
    struct ticket t = put("c", "hello", 0);
    assert_int_equal(state_of(&t), JOB_QUEUED);
    publish("c");
    expect(&t, "OK", 1, "");
}

/* Whatever call to Docker it is in, the deadline ends it. */
static void a_stop_does_not_wait_for_docker(void **state)
{
    (void)state;
    static const char *const calls[] = { "/update", "/containers/create" };
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (i > 0) {
            assert_int_equal(close_place(state), 0);
            assert_int_equal(open_place(state), 0);
        }
        fake_refuse("POST", calls[i], 0, -1, NULL);
        publish("c");
        start_worker();
        struct ticket t = put("c", "hello", LIMITED);
        FAKE_UNTIL(place.running == 1);
        readiness_stop(place.ready);
        int64_t began = clock_mono_ns();
        place.worker = worker_stop(place.worker, began + 100 * NS_PER_MS);
        assert_in_range(clock_mono_ns() - began, 0, 15 * NS_PER_S);
        assert_int_equal(state_of(&t), JOB_QUEUED);
        fake_refuse("POST", calls[i], 0, 0, NULL);
        place.pool = pool_stop_until(place.pool, clock_mono_ns() + NS_PER_S);
    }
}

static void hold_runs(struct fake_run *r) { r->way = builds(r) ? FAKE_ANSWERS : FAKE_HOLDS; }

static void *release_when_held(void *arg)
{
    FAKE_AWAIT(fake.held > 0);
    readiness_stop(place.ready);
    fake_release();
    return arg;
}

static void a_stop_lets_a_run_finish(void **state)
{
    pthread_t thread;
    (void)state;
    fake.on_run = hold_runs;
    publish("c");
    start_worker();
    struct ticket t = put("c", "hello", 0);
    assert_int_equal(pthread_create(&thread, NULL, release_when_held, NULL), 0);
    (void)pthread_join(thread, NULL);
    place.worker = worker_stop(place.worker, clock_mono_ns() + FAKE_WAIT_NS);
    expect(&t, "OK", 1, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PLACE(it_is_judged),
        ON_PLACE(cancelled_while_a_cell_is_taken_ahead),
        ON_PLACE(its_own_cell_breaks),
        ON_PLACE(no_cell_can_be_had),
        ON_PLACE(its_memory_is_refused),
        ON_PLACE(docker_goes_away_under_it),
        ON_PLACE(docker_goes_away_each_time),
        ON_PLACE(a_cell_is_slow_to_die),
        ON_PLACE(it_cannot_be_read),
        ON_PLACE(unavailable_between_claim_and_plan),
        ON_PLACE(a_stop_does_not_wait_for_docker),
        ON_PLACE(a_stop_lets_a_run_finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
