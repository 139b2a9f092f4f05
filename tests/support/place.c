#include "tests/support/place.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/model/submission.h"
#include "schema/store/jobs_change.h"
#include "tests/support/assert_err.h"
#include "tests/support/fake_pool.h"

struct place place;

/* As the engine does. */
static void changed(void *ctx, const struct jobs_change *changes, size_t len)
{
    struct place *p = ctx;
    int64_t queued = 0;

    for (size_t i = 0; i < len; i++)
        queued += changes[i].state == JOB_QUEUED ? 1 : 0;
    if (queued > 0)
        look_ahead_queued(p->look_ahead, queued);
    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < len; i++)
        p->final += job_state_is_final(changes[i].state);
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
}

void place_publish(const char *language)
{
    for (size_t i = 0; i < place.languages->len; i++)
        if (strcmp(place.languages->rows[i].name, language) == 0)
            assert_true(readiness_available(place.readiness, i,
                                            fake_plan(place.languages, language, place.pool)));
}

void place_start(void)
{
    const struct worker_config wc = { .engine = &fake.config,
                                      .host = &fake.cell_host,
                                      .pool = place.pool,
                                      .readiness = place.readiness,
                                      .look_ahead = place.look_ahead,
                                      .host_faults = &place.host_faults,
                                      .running = &place.running };
    ASSERT_OK(worker_start(&wc, &place.worker, e));
}

int place_open(void **state)
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
    ASSERT_OK(readiness_open(place.languages, &place.readiness, e));
    ASSERT_OK(look_ahead_open(place.jobs, place.readiness, 1, &place.look_ahead, e));
    jobs_listen(place.jobs, changed, &place);
    jobs_claim_with(place.jobs, look_ahead_claim, place.look_ahead);
    place.pool = fake_pool(2);
    return 0;
}

int place_close(void **state)
{
    fake_release();
    readiness_stop(place.readiness);
    look_ahead_stop(place.look_ahead);
    place.worker = worker_stop(place.worker, clock_mono_ns() + 30 * NS_PER_S);
    place.pool = pool_stop(place.pool);
    place.jobs = jobs_close(place.jobs);
    place.look_ahead = look_ahead_free(place.look_ahead);
    place.readiness = readiness_free(place.readiness);
    place.languages = language_table_free(place.languages);
    worker_fault_close(&place.host_faults);
    (void)pthread_cond_destroy(&place.changed);
    return fake_close(state);
}

int place_send(const char *language, const char *source, int64_t memory_bytes,
               struct submitted *ret_submitted, struct err *e)
{
    struct source_file file = { .bytes = { .data = (char *)(uintptr_t)source,
                                           .len = strlen(source) } };
    struct submission s = {
        .language = (char *)(uintptr_t)language,
        .source = { .files = &file, .len = 1 },
        .limits = { .time_ms = 1000, .wall_ms = 1000, .memory_bytes = memory_bytes },
        .checker = { .kind = CHECKER_LINES, .case_sensitive = true },
        .stop_on_failure = true
    };
    struct submission_packed packed;

    submission_hash(&s, s.hash);
    if (submission_pack(&s, &packed, e) < 0)
        return -1;
    struct jobs_op op = { .kind = JOBS_ACCEPT,
                          .u.accept = { .submission = &s, .packed = &packed } };
    int rc = jobs_do(place.jobs, &op, e);
    submission_packed_clear(&packed);
    ret_submitted->seq = op.u.accept.seq;
    (void)snprintf(ret_submitted->id, sizeof ret_submitted->id, "%s", op.u.accept.id);
    return rc;
}

struct submitted place_put(const char *language, const char *source, int64_t memory_bytes)
{
    struct submitted t;

    ASSERT_OK(place_send(language, source, memory_bytes, &t, e));
    return t;
}

static json_t *report_of(const struct submitted *t)
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

void place_expect(const struct submitted *t, const char *verdict, int64_t attempts,
                  const char *error)
{
    json_auto_t *r = report_of(t);
    const char *said = json_string_value(json_object_get(r, "error"));

    assert_string_equal(json_string_value(json_object_get(r, "verdict")), verdict);
    if (error[0] ? !strstr(said, error) : said[0] != '\0')
        fail_msg("error is '%s'", said);
    assert_int_equal(json_integer_value(json_object_get(r, "attempts")), attempts);
}

enum job_state place_state(const struct submitted *t)
{
    struct job_status s;
    ASSERT_OK(jobs_status(place.jobs, t->id, &s, e));
    return s.state;
}

void place_cancel(const struct submitted *t)
{
    struct jobs_op op = { .kind = JOBS_CANCEL, .u.cancel.id = t->id };
    ASSERT_OK(jobs_do(place.jobs, &op, e));
    assert_true(op.u.cancel.claim != 0);
    assert_true(worker_cancel(place.worker, op.u.cancel.seq, op.u.cancel.claim));
}
