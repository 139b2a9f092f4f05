#include "engine/judge/judge.h"

#include <string.h>

#include "engine/build/build.h"
#include "engine/build/build_outcome.h"
#include "engine/build/executable.h"
#include "engine/build/toolchain.h"
#include "engine/engine_config.h"
#include "engine/judge/judge_report.h"
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
    struct judge_results results;
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

/* What the compiler left may still be no program. It is looked at here and not where it is built,
 * since it may come from the cache. 1, 0 and -1 as build(). */
static int take_artefact(struct judge *t, struct build_outcome *o, struct err *e)
{
    const char *why;

    if (executable_accept(&t->program, o, &why, e) < 0)
        return -1;
    if (why) {
        if (buf_printf(&o->log, "%s%s\n", o->log.len > 0 ? "\n" : "", why) < 0)
            return out_of_memory(e);
        judge_results_fail_build(&t->results, &o->log, 1);
        return 0;
    }
    t->results.build_log = o->log;
    o->log = (struct buf){ .data = NULL };
    return 1;
}

/* 1: built, or nothing to build; 0: BF; -1: our fault. */
static int build(struct judge *t, struct err *e)
{
    struct build_outcome o;
    int rc = 0;

    if (!t->program.build[0])
        return 1;
    judge_tests_prefetch(t->b, t->program.toolchain, &t->limits);
    engine_tell(t->b->config, &(struct engine_event){ .seq = t->b->seq, .kind = ENGINE_BUILDS });
    int64_t start = clock_mono_ns();
    if (build_run(t->b, &t->program, &o, e) < 0)
        return -1;
    t->results.build_ms = (clock_mono_ns() - start) / NS_PER_MS;
    if (o.artefact_fd < 0)
        judge_results_fail_build(&t->results, &o.log, o.exit_code);
    else
        rc = take_artefact(t, &o, e);
    build_outcome_clear(&o);
    return rc;
}

static int run(struct judge *t, struct err *e)
{
    struct judge_tests_request o = { .program = &t->program,
                                     .submission = t->submission,
                                     .limits = t->limits };

    engine_tell(t->b->config, &(struct engine_event){ .seq = t->b->seq, .kind = ENGINE_RUNS });
    int64_t start = clock_mono_ns();
    int rc = judge_tests(t->b, &o, &t->results, e);
    t->results.run_ms = (clock_mono_ns() - start) / NS_PER_MS;
    return rc;
}

static int refuse_name(struct judge *t, const char *why, struct err *e)
{
    struct buf log = { .data = NULL };

    if (buf_printf(&log, "%s\n", why) < 0)
        return out_of_memory(e);
    judge_results_fail_build(&t->results, &log, 1);
    return 0;
}

static int build_and_run(struct judge *t, struct err *e)
{
    const struct engine_config *c = t->b->config;
    const char *why;

    if (executable_name(&t->program, t->limits.memory_bytes, c->build_memory_bytes, &why, e) < 0)
        return -1;
    if (why)
        return refuse_name(t, why, e);
    if (executable_load(&t->program, e) < 0)
        return -1;
    int built = build(t, e);
    return built > 0 ? run(t, e) : built;
}

static int make_report(struct judge *t, struct report **ret_report, struct err *e)
{
    const struct engine_config *c = t->b->config;
    CLEANUP(report_freep) struct report *r = NULL;

    if (judge_report_make(t->submission, c, &t->results, &r, e) < 0 ||
        fill_produced_by(r, c, &t->program, e) < 0)
        return -1;
    r->timestamp_ms = clock_wall_ms();
    *ret_report = TAKE(r);
    return 0;
}

int judge_submission(struct lease *b, const struct toolchain *p, const struct submission *s,
                     struct report **ret_report, struct err *e)
{
    const struct engine_config *c = b->config;
    struct judge t = { .b = b,
                       .submission = s,
                       .program = executable_of(p, &s->source),
                       .limits = submission_limits(s, c->default_time_ms, c->default_memory_bytes,
                                                   c->max_time_ms, c->max_memory_bytes) };

    int rc = build_and_run(&t, e);
    if (rc == 0)
        rc = make_report(&t, ret_report, e);
    executable_clear(&t.program);
    judge_results_clear(&t.results);
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

    if (judge_report_unjudged(s, c, error, &r, e) < 0 ||
        executable_name(&x, r->limits.memory_bytes, c->build_memory_bytes, &why, e) < 0 ||
        fill_produced_by(r, c, &x, e) < 0)
        return -1;
    r->timestamp_ms = clock_wall_ms();
    *ret_report = TAKE(r);
    return 0;
}
