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
    struct lease *lease;
    const struct submission *submission;
    struct executable program; /* of the submission */
    struct limits limits;
    struct judge_results results;
};

static int set_no_memory(struct err *e)
{
    (void)err_set(e, ERR_NOMEM, "a report");
    return -1;
}

/* A command line as one text; NULL out of memory. */
static char *join_words(char *const *argv)
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
                            const struct executable *program, struct err *e)
{
    const struct toolchain *toolchain = program->toolchain;

    r->produced_by.version = strdup(c->version);
    r->produced_by.image = strdup(toolchain->images);
    r->produced_by.compiler = strdup(toolchain->version);
    r->produced_by.build = join_words(program->build);
    r->produced_by.run = join_words(program->run);
    bool ok = r->produced_by.version && r->produced_by.image && r->produced_by.compiler &&
              r->produced_by.build && r->produced_by.run;
    return ok ? 0 : set_no_memory(e);
}

/* Checks that the artefact is a program. It is checked here and not in build_run(), since it may
 * come from the cache. 1: it is, 0: BF, -1: our fault. */
static int accept_artefact(struct judge *judge, struct build_outcome *outcome, struct err *e)
{
    const char *why;

    if (executable_accept(&judge->program, outcome, &why, e) < 0)
        return -1;
    if (why) {
        if (buf_printf(&outcome->log, "%s%s\n", outcome->log.len > 0 ? "\n" : "", why) < 0)
            return set_no_memory(e);
        judge_results_fail_build(&judge->results, &outcome->log, 1);
        return 0;
    }
    judge->results.build_log = outcome->log;
    outcome->log = (struct buf){ .data = NULL };
    return 1;
}

/* 1: built, or nothing to build; 0: BF; -1: our fault. */
static int build_program(struct judge *judge, struct err *e)
{
    struct build_outcome outcome;
    int rc = 0;

    if (!judge->program.build[0])
        return 1;
    judge_tests_prefetch(judge->lease, judge->program.toolchain, &judge->limits);
    engine_notify(judge->lease->config,
                  &(struct engine_event){ .seq = judge->lease->seq, .kind = ENGINE_BUILDS });
    int64_t start = clock_mono_ns();
    if (build_run(judge->lease, &judge->program, &outcome, e) < 0)
        return -1;
    judge->results.build_ms = (clock_mono_ns() - start) / NS_PER_MS;
    if (outcome.artefact_fd < 0)
        judge_results_fail_build(&judge->results, &outcome.log, outcome.exit_code);
    else
        rc = accept_artefact(judge, &outcome, e);
    build_outcome_clear(&outcome);
    return rc;
}

static int run_tests(struct judge *judge, struct err *e)
{
    struct judge_tests_request request = { .program = &judge->program,
                                           .submission = judge->submission,
                                           .limits = judge->limits };

    engine_notify(judge->lease->config,
                  &(struct engine_event){ .seq = judge->lease->seq, .kind = ENGINE_RUNS });
    int64_t start = clock_mono_ns();
    int rc = judge_tests(judge->lease, &request, &judge->results, e);
    judge->results.run_ms = (clock_mono_ns() - start) / NS_PER_MS;
    return rc;
}

static int fail_name(struct judge *judge, const char *why, struct err *e)
{
    struct buf log = { .data = NULL };

    if (buf_printf(&log, "%s\n", why) < 0)
        return set_no_memory(e);
    judge_results_fail_build(&judge->results, &log, 1);
    return 0;
}

static int build_and_run(struct judge *judge, struct err *e)
{
    const struct engine_config *c = judge->lease->config;
    const char *why;

    if (executable_name(&judge->program, judge->limits.memory_bytes, c->build_memory_bytes, &why,
                        e) < 0)
        return -1;
    if (why)
        return fail_name(judge, why, e);
    if (executable_load(&judge->program, e) < 0)
        return -1;
    int built = build_program(judge, e);
    return built > 0 ? run_tests(judge, e) : built;
}

static int make_report(struct judge *judge, struct report **ret_report, struct err *e)
{
    CLEANUP(report_freep) struct report *r = NULL;

    if (judge_report_make(judge->submission, &judge->limits, &judge->results, &r, e) < 0 ||
        fill_produced_by(r, judge->lease->config, &judge->program, e) < 0)
        return -1;
    r->timestamp_ms = clock_shared_ms();
    *ret_report = TAKE(r);
    return 0;
}

/* The settings are those of this server: they count only for rows of earlier versions. */
static struct limits effective_limits(const struct engine_config *c, const struct submission *s)
{
    if (s->in_force.time_ms > 0)
        return s->in_force;
    return submission_limits(s, c->default_time_ms, c->default_memory_bytes, c->max_time_ms,
                             c->max_memory_bytes);
}

int judge_submission(struct lease *lease, const struct toolchain *toolchain,
                     const struct submission *s, struct report **ret_report, struct err *e)
{
    struct judge judge = { .lease = lease,
                           .submission = s,
                           .program = executable_of(toolchain, &s->source),
                           .limits = effective_limits(lease->config, s) };

    int rc = build_and_run(&judge, e);
    if (rc == 0)
        rc = make_report(&judge, ret_report, e);
    executable_clear(&judge.program);
    judge_results_clear(&judge.results);
    return rc;
}

int judge_internal_error(const struct lease *lease, const struct toolchain *toolchain,
                         const struct submission *s, const char *error, struct report **ret_report,
                         struct err *e)
{
    const struct engine_config *c = lease->config;
    const struct limits limits = effective_limits(c, s);
    CLEANUP(executable_clear) struct executable program = executable_of(toolchain, &s->source);
    CLEANUP(report_freep) struct report *r = NULL;
    const char *why;

    if (judge_report_unjudged(s, &limits, error, &r, e) < 0 ||
        executable_name(&program, limits.memory_bytes, c->build_memory_bytes, &why, e) < 0 ||
        fill_produced_by(r, c, &program, e) < 0)
        return -1;
    r->timestamp_ms = clock_shared_ms();
    *ret_report = TAKE(r);
    return 0;
}
