#include "engine/judge/judge.h"

#include <string.h>

#include "engine/build/build.h"
#include "engine/build/build_outcome.h"
#include "engine/build/executable.h"
#include "engine/build/toolchain.h"
#include "engine/engine_config.h"
#include "engine/judge/judge_tests.h"
#include "engine/pool/lease.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/model/report.h"

struct judge {
    struct lease *b;
    const struct submission *submission;
    struct executable program; /* of the submission */
    struct limits limits;
    struct report *report;
};

static int out_of_memory(struct err *e)
{
    (void)err_set(e, ERR_NOMEM, "a report");
    return -1;
}

/* The words of a command with blanks between; NULL out of memory. */
static char *join(char *const *argv)
{
    struct buf text = { .data = NULL };

    for (size_t i = 0; argv[i]; i++) {
        if (buf_printf(&text, "%s%s", i > 0 ? " " : "", argv[i]) < 0) {
            buf_clear(&text);
            return NULL;
        }
    }
    return text.data ? buf_take(&text) : strdup("");
}

static int fill_produced_by(struct report *r, const struct engine_config *c,
                            const struct executable *x, struct err *e)
{
    const struct toolchain *p = x->toolchain;

    r->produced_by.version = strdup(c->version);
    r->produced_by.image = strdup(p->images);
    r->produced_by.compiler = strdup(p->version);
    r->produced_by.build = join(x->build);
    r->produced_by.run = join(x->run);
    bool ok = r->produced_by.version && r->produced_by.image && r->produced_by.compiler &&
              r->produced_by.build && r->produced_by.run;
    return ok ? 0 : out_of_memory(e);
}

/* Tests that have not run, or whose run must not be told. */
static int blank_tests(struct report *r, const struct submission *s, struct err *e)
{
    for (size_t i = 0; i < s->tests_len; i++) {
        report_clear_test(&r->tests[i]);
        r->tests[i] = (struct test_report){ .number = s->tests[i].number };
        if (bytes_copy(NULL, 0, &r->tests[i].out) < 0 || bytes_copy(NULL, 0, &r->tests[i].err) < 0)
            return out_of_memory(e);
    }
    return 0;
}

static int make_report(const struct submission *s, const struct engine_config *c,
                       struct report **ret_report, struct err *e)
{
    CLEANUP(report_freep) struct report *r = calloc(1, sizeof *r);
    if (!r)
        return out_of_memory(e);

    r->id = strdup(s->id ? s->id : "");
    r->language = strdup(s->language);
    r->has_tests = s->tests_len > 0;
    r->limits = submission_limits(s, c->default_time_ms, c->default_memory_bytes, c->max_time_ms,
                                  c->max_memory_bytes);
    r->tests = calloc(s->tests_len + 1, sizeof *r->tests);
    if (!r->id || !r->language || !r->tests || bytes_copy(NULL, 0, &r->out) < 0 ||
        bytes_copy(NULL, 0, &r->err) < 0 || bytes_copy(NULL, 0, &r->build_log) < 0)
        return out_of_memory(e);
    r->tests_len = s->tests_len;
    if (blank_tests(r, s, e) < 0)
        return -1;
    *ret_report = TAKE(r);
    return 0;
}

/* BF: whatever has run meanwhile is not told. */
static int fail_build(struct judge *t, const struct buf *log, int exit_code, struct err *e)
{
    struct report *r = t->report;

    if (blank_tests(r, t->submission, e) < 0)
        return -1;
    r->verdict = VERDICT_BF;
    r->ran = true;
    r->exit_code = exit_code;
    r->signal = r->limit_hit = NULL;
    r->duration_ms = r->cpu_time_ms = r->memory_bytes = 0;
    bytes_clear(&r->out);
    bytes_clear(&r->err);
    bytes_clear(&r->build_log);
    if (bytes_copy(NULL, 0, &r->out) < 0 || bytes_copy(log->data, log->len, &r->err) < 0 ||
        bytes_copy(log->data, log->len, &r->build_log) < 0)
        return out_of_memory(e);
    return 0;
}

/* What the compiler left may still be no program. It is looked at here and not where it is built,
 * since it may come from the cache. 1, 0 and -1 as build(). */
static int take_artefact(struct judge *t, struct build_outcome *o, struct err *e)
{
    struct report *r = t->report;
    const char *why;

    if (executable_accept(&t->program, o, &why, e) < 0)
        return -1;
    if (why) {
        if (buf_printf(&o->log, "%s%s\n", o->log.len > 0 ? "\n" : "", why) < 0)
            return out_of_memory(e);
        return fail_build(t, &o->log, 1, e);
    }
    bytes_clear(&r->build_log);
    free(r->produced_by.run);
    r->produced_by.run = join(t->program.run);
    if (!r->produced_by.run || bytes_copy(o->log.data, o->log.len, &r->build_log) < 0)
        return out_of_memory(e);
    return 1;
}

/* 1: built, or nothing to build; 0: BF; -1: our fault. */
static int build(struct judge *t, struct err *e)
{
    struct build_outcome o;

    if (!t->program.build[0])
        return 1;
    judge_tests_prefetch(t->b, t->program.toolchain, &t->limits);
    engine_tell(t->b->config, &(struct engine_event){ .seq = t->b->seq, .kind = ENGINE_BUILDS });
    int64_t start = clock_mono_ns();
    if (build_run(t->b, &t->program, &o, e) < 0)
        return -1;
    t->report->build_ms = (clock_mono_ns() - start) / NS_PER_MS;
    int rc = o.artefact_fd < 0 ? fail_build(t, &o.log, o.exit_code, e) : take_artefact(t, &o, e);
    build_outcome_clear(&o);
    return rc;
}

static int run(struct judge *t, struct err *e)
{
    struct judge_tests_request o = { .program = &t->program,
                                     .submission = t->submission,
                                     .limits = t->limits };
    struct judge_syntax_error refusal = { .refused = false };

    engine_tell(t->b->config, &(struct engine_event){ .seq = t->b->seq, .kind = ENGINE_RUNS });
    int64_t start = clock_mono_ns();
    int rc = judge_tests(t->b, &o, t->report, &refusal, e);
    t->report->run_ms = (clock_mono_ns() - start) / NS_PER_MS;
    if (rc == 0 && refusal.refused)
        rc = fail_build(t, &refusal.log, refusal.exit_code, e);
    buf_clear(&refusal.log);
    return rc;
}

static int refuse_name(struct judge *t, const char *why, struct err *e)
{
    struct buf log = { .data = NULL };
    int rc = buf_printf(&log, "%s\n", why) < 0 ? out_of_memory(e) : fail_build(t, &log, 1, e);

    buf_clear(&log);
    return rc;
}

static int build_and_run(struct judge *t, struct err *e)
{
    const struct engine_config *c = t->b->config;
    const char *why;

    if (executable_name(&t->program, t->limits.memory_bytes, c->build_memory_bytes, &why, e) < 0 ||
        fill_produced_by(t->report, c, &t->program, e) < 0)
        return -1;
    if (why)
        return refuse_name(t, why, e);
    if (executable_load(&t->program, e) < 0)
        return -1;
    int built = build(t, e);
    return built > 0 ? run(t, e) : built;
}

int judge_submission(struct lease *b, const struct toolchain *p, const struct submission *s,
                     struct report **ret_report, struct err *e)
{
    struct judge t = { .b = b, .submission = s, .program = executable_of(p, &s->source) };

    if (make_report(s, b->config, &t.report, e) < 0)
        return -1;
    t.limits = t.report->limits;
    int rc = build_and_run(&t, e);
    executable_clear(&t.program);
    t.report->timestamp_ms = clock_wall_ms();
    if (rc < 0)
        report_free(t.report);
    else
        *ret_report = t.report;
    return rc;
}

int judge_internal_error(const struct lease *b, const struct toolchain *p,
                         const struct submission *s, const char *error, struct report **ret_report,
                         struct err *e)
{
    const struct engine_config *c = b->config;
    CLEANUP(executable_clear) struct executable x = executable_of(p, &s->source);
    CLEANUP(report_freep) struct report *r = NULL;
    const char *why;

    if (make_report(s, c, &r, e) < 0 ||
        executable_name(&x, r->limits.memory_bytes, c->build_memory_bytes, &why, e) < 0 ||
        fill_produced_by(r, c, &x, e) < 0)
        return -1;
    r->error = strdup(error);
    if (!r->error)
        return out_of_memory(e);
    r->timestamp_ms = clock_wall_ms();
    *ret_report = TAKE(r);
    return 0;
}
