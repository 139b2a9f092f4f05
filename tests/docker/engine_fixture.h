/* tests/docker/engine_fixture.h - an engine on a job table of its own, and short functions to use
 * it.
 *
 * The images are those of the settings (PYTHON_IMAGE, ...), else of scrc-local. Without an engine
 * or without the images a test program exits 77: skipped.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>
#include <jansson.h>
#include <pthread.h>
#include <time.h>

#include "engine/docker/docker.h"
#include "engine/engine.h"
#include "schema/base/bytes.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/text.h"
#include "schema/model/report.h"
#include "schema/model/submission.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_read.h"

#define ENGINE_WAIT_S 120

static struct {
    char dir[64], cells[64], images[5][128], instance[TEXT_ID_SIZE];
    struct engine_config config;
    struct jobs_config table;
    struct language_table *languages;
    struct jobs *jobs;
    struct engine *engine;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t changes; /* guarded by lock */
} fixture = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static inline void engine_changed(void *ctx, const struct jobs_change *changes, size_t len)
{
    (void)ctx;
    (void)changes;
    (void)len;
    (void)pthread_mutex_lock(&fixture.lock);
    fixture.changes++;
    (void)pthread_cond_broadcast(&fixture.changed);
    (void)pthread_mutex_unlock(&fixture.lock);
}

static inline void engine_sleep_ms(long ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    (void)nanosleep(&t, NULL);
}

static inline void engine_check(int rc, const struct err *e, const char *what)
{
    if (rc < 0)
        fail_msg("%s: %s: %s", what, err_kind_name(e->kind), e->msg);
}

static inline void engine_open_table(void)
{
    struct err e = { 0 };
    engine_check(jobs_open(&fixture.table, &fixture.jobs, &e), &e, "open the table");
    jobs_listen(fixture.jobs, engine_changed, NULL);
}

static inline void engine_begin(void)
{
    struct err e = { 0 };
    engine_check(
        engine_start(&fixture.config, fixture.languages, fixture.jobs, &fixture.engine, &e), &e,
        "start the engine");
}

/* Waits until the self-test has passed for this language. */
static inline void engine_await(const char *language)
{
    char why[400];
    for (int i = 0; i < ENGINE_WAIT_S * 20; i++) {
        engine_reason(fixture.engine, language, why, sizeof why);
        if (!why[0])
            return;
        engine_sleep_ms(50);
    }
    fail_msg("%s is not ready: %s", language, why);
}

static inline void engine_images(void)
{
    static const struct {
        const char *setting, *otherwise;
    } names[] = { { "PYTHON_IMAGE", "scrc-local/python" },
                  { "GO_IMAGE", "scrc-local/golang" },
                  { "C_IMAGE", "scrc-local/gcc" },
                  { "JAVA_IMAGE", "scrc-local/jdk" },
                  { "C_RUN_IMAGE", "scrc-local/run" } };
    struct docker *d = NULL;
    struct err e;
    bool here = docker_open(getenv("DOCKER_HOST"), &d, &e) == 0;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_auto_t *image = NULL;
        const char *set = getenv(names[i].setting);
        (void)snprintf(fixture.images[i], sizeof fixture.images[i], "%s",
                       set ? set : names[i].otherwise);
        here = here && docker_image(d, fixture.images[i], &image, &e) == 0;
    }
    (void)docker_free(d);
    if (!here) {
        (void)fprintf(stderr, "skipped: %s\n", e.msg);
        exit(77);
    }
}

/* The settings' defaults, but for what `change` may do to them. */
static inline int engine_open(void (*change)(struct engine_config *c))
{
    struct err e = { 0 };

    if (text_init() < 0)
        return -1;
    engine_images();
    const struct language_override overrides[] = {
        { .name = "python", .image = fixture.images[0] },
        { .name = "go", .image = fixture.images[1], .run_image = fixture.images[4] },
        { .name = "c", .image = fixture.images[2], .run_image = fixture.images[4] },
        { .name = "cpp", .image = fixture.images[2], .run_image = fixture.images[4] },
        { .name = "java", .image = fixture.images[3], .run_image = fixture.images[3] },
    };
    (void)snprintf(fixture.dir, sizeof fixture.dir, "/var/tmp/scrc-engine-XXXXXX");
    assert_non_null(mkdtemp(fixture.dir));
    (void)snprintf(fixture.cells, sizeof fixture.cells, "%.40s/cells", fixture.dir);
    text_random_id(fixture.instance);
    fixture.table = (struct jobs_config){ .dir = fixture.dir,
                                          .instance = fixture.instance,
                                          .max_queued = 100000 };
    fixture.config = (struct engine_config){ .docker_host = getenv("DOCKER_HOST"),
                                             .cell_dir = fixture.cells,
                                             .box = getenv("SCRC_BOX"),
                                             .instance = fixture.instance,
                                             .version = SCRC_VERSION,
                                             .parallel = 2,
                                             .default_time_ms = 10000,
                                             .max_time_ms = 300000,
                                             .default_memory_bytes = 256 * MIB,
                                             .max_memory_bytes = 2 * GIB,
                                             .output_bytes = 16 * MIB,
                                             .report_output_bytes = 64 * KIB,
                                             .report_bytes = 16 * MIB,
                                             .build_time_ms = 30000,
                                             .build_memory_bytes = GIB,
                                             .build_artefact_bytes = 64 * MIB,
                                             .pids = 128,
                                             .cell_uses = 1 };
    if (change)
        change(&fixture.config);
    engine_check(language_table_open(NULL, overrides, ARRAY_LEN(overrides), &fixture.languages, &e),
                 &e, "languages");
    engine_open_table();
    engine_begin();
    return 0;
}

static inline int engine_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* Nothing may be left: no container of this table. */
static inline int engine_close(void)
{
    char label[64];
    struct docker *d = NULL;
    json_auto_t *list = NULL;
    struct err e;

    (void)snprintf(label, sizeof label, "scrc.table=%s", jobs_table_id(fixture.jobs));
    fixture.engine = engine_stop(fixture.engine, clock_mono_ns() + 5 * NS_PER_S);
    fixture.jobs = jobs_close(fixture.jobs);
    fixture.languages = language_table_free(fixture.languages);
    bool clean = docker_open(fixture.config.docker_host, &d, &e) == 0 &&
                 docker_list(d, label, &list, &e) == 0 && json_array_size(list) == 0;
    (void)docker_free(d);
    (void)nftw(fixture.dir, engine_unlink, 16, FTW_DEPTH | FTW_PHYS);
    if (!clean)
        print_error("%zu containers left\n", json_array_size(list));
    return clean ? 0 : -1;
}

/* ---- submissions ---- */

struct order {
    const char *language, *source;
    size_t source_len;       /* 0: a string */
    const char *files[3][2]; /* name, text: a tree instead of `source`; NULL: no more */
    int64_t time_ms, wall_ms, memory_mib;
    enum checker_kind checker;
    bool run_all;
    const char *tests[2][2]; /* input, expected; NULL: no (more) tests */
    size_t input_len;        /* of the first; 0: a string */
};

static inline struct bytes order_bytes(const char *data, size_t len)
{
    struct bytes b;
    assert_int_equal(bytes_copy(data, len ? len : strlen(data), &b), 0);
    return b;
}

static inline struct source_tree order_source(const struct order *o)
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

struct submitted {
    char id[SUBMISSION_ID_MAX + 1];
    int64_t seq;
};

static inline struct submitted order_put(const struct order *o)
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
    engine_check(jobs_do(fixture.jobs, &op, &e), &e, "accept");
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

/* Waits for the report and reads it. The caller owns it. */
static inline json_t *order_report(const struct submitted *t)
{
    struct timespec until;
    struct err e = { 0 };
    char *text = NULL;
    size_t len;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ENGINE_WAIT_S;
    for (bool in_time = true;;) {
        (void)pthread_mutex_lock(&fixture.lock);
        uint64_t seen = fixture.changes;
        (void)pthread_mutex_unlock(&fixture.lock);
        if (jobs_report(fixture.jobs, t->id, NULL, &text, &len, &e) == 0)
            break;
        if (!in_time)
            fail_msg("no report of %s: %s", t->id, e.msg);
        (void)pthread_mutex_lock(&fixture.lock);
        while (in_time && fixture.changes == seen)
            in_time = pthread_cond_timedwait(&fixture.changed, &fixture.lock, &until) == 0;
        (void)pthread_mutex_unlock(&fixture.lock);
    }
    json_t *report = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    assert_non_null(report);
    free(text);
    return report;
}

static inline json_t *order_judge(const struct order *o)
{
    struct submitted t = order_put(o);
    return order_report(&t);
}

static inline const char *report_text(json_t *report, const char *name)
{
    const char *text = json_string_value(json_object_get(report, name));
    return text ? text : "(null)";
}
static inline int64_t report_int(json_t *report, const char *name)
{
    json_t *n = json_object_get(report, name);
    return json_is_integer(n) ? json_integer_value(n) : -1;
}
static inline json_t *report_test(json_t *report, size_t i)
{
    return json_array_get(json_object_get(report, "tests"), i);
}

/* Fails with the whole report when the verdict is another one. */
static inline void report_expect(json_t *report, const char *verdict, const char *what)
{
    if (strcmp(report_text(report, "verdict"), verdict) != 0) {
        CLEANUP(freep) char *text = json_dumps(report, JSON_INDENT(1));
        fail_msg("%s: not %s: %.3000s", what, verdict, text);
    }
}
