#include "tests/support/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/base/bytes.h"
#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/engine_fixture.h"

static struct bytes order_bytes(const char *data, size_t len)
{
    struct bytes b;
    assert_int_equal(bytes_copy(data, len ? len : strlen(data), &b), 0);
    return b;
}

static struct source_tree order_source(const struct order *o)
{
    struct source_tree t;
    size_t len = 0;

    while (len < ARRAY_LEN(o->files) && o->files[len][0])
        len++;
    assert_int_equal(source_tree_make(len > 0 ? len : 1, &t), 0);
    if (len == 0)
        t.files[0].bytes = order_bytes(o->source, o->source_len);
    for (size_t i = 0; i < len; i++) {
        t.files[i].name = strdup(o->files[i][0]);
        t.files[i].bytes = order_bytes(o->files[i][1], 0);
        assert_non_null(t.files[i].name);
    }
    return t;
}

struct submitted order_put(const struct order *o)
{
    struct submission s = { .language = (char *)(uintptr_t)o->language,
                            .source = order_source(o),
                            .limits = { .time_ms = o->time_ms,
                                        .wall_ms = o->wall_ms,
                                        .memory_bytes = o->memory_mib * MIB },
                            .checker = { .kind = o->checker,
                                         .case_sensitive = true,
                                         .absolute_tolerance = 1e-6,
                                         .relative_tolerance = 1e-6 },
                            .stop_on_failure = !o->run_all };
    struct test tests[2];
    struct submission_packed packed;
    struct err e = { 0 };

    for (; s.tests_len < 2 && o->tests[s.tests_len][0]; s.tests_len++) {
        size_t len = s.tests_len == 0 ? o->input_len : 0;
        tests[s.tests_len] = (struct test){ .number = (int64_t)s.tests_len + 1,
                                            .input = order_bytes(o->tests[s.tests_len][0], len),
                                            .expected = order_bytes(o->tests[s.tests_len][1], 0) };
    }
    s.tests = s.tests_len > 0 ? tests : NULL;
    submission_hash(&s, s.hash);
    engine_check(submission_pack(&s, &packed, &e), &e, "pack");
    struct jobs_op op = { .kind = JOBS_ACCEPT,
                          .u.accept = { .submission = &s, .packed = &packed } };
    engine_check(jobs_do(engine_fixture.jobs, &op, &e), &e, "accept");
    submission_packed_clear(&packed);
    for (size_t i = 0; i < s.tests_len; i++) {
        bytes_clear(&tests[i].input);
        bytes_clear(&tests[i].expected);
    }
    source_tree_clear(&s.source);
    struct submitted t = { .seq = op.u.accept.seq };
    (void)snprintf(t.id, sizeof t.id, "%s", op.u.accept.id);
    return t;
}

json_t *order_report(const struct submitted *t)
{
    struct timespec until;
    struct err e = { 0 };
    char *text = NULL;
    size_t len;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ENGINE_WAIT_S;
    for (bool in_time = true;;) {
        (void)pthread_mutex_lock(&engine_fixture.lock);
        uint64_t seen = engine_fixture.changes;
        (void)pthread_mutex_unlock(&engine_fixture.lock);
        if (jobs_report(engine_fixture.jobs, t->id, NULL, &text, &len, &e) == 0)
            break;
        if (!in_time)
            fail_msg("no report of %s: %s", t->id, e.msg);
        (void)pthread_mutex_lock(&engine_fixture.lock);
        while (in_time && engine_fixture.changes == seen)
            in_time =
                pthread_cond_timedwait(&engine_fixture.changed, &engine_fixture.lock, &until) == 0;
        (void)pthread_mutex_unlock(&engine_fixture.lock);
    }
    json_t *report = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    assert_non_null(report);
    free(text);
    return report;
}

json_t *order_judge(const struct order *o)
{
    struct submitted t = order_put(o);
    return order_report(&t);
}
