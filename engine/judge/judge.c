#include "engine/judge/judge.h"

#include <string.h>

#include "engine/build/artefact.h"
#include "engine/build/build.h"
#include "engine/build/build_outcome.h"
#include "engine/build/toolchain.h"
#include "engine/cell/cell_memfd.h"
#include "engine/engine_config.h"
#include "engine/judge/judge_tests.h"
#include "engine/pool/lease.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/model/report.h"

struct judge {
    struct lease *b;
    const struct toolchain *plan;
    const struct submission *submission;
    struct bytes source; /* borrowed; the submission's, without a byte order mark */
    struct limits limits;
    struct language_variables words;
    struct report *report;
    int source_fd, artefact_fd;
};

static int out_of_memory(struct err *e)
{
    (void)err_set(e, ERR_NOMEM, "a report");
    return -1;
}

/* The words of an argv with blanks between; NULL out of memory. */
static char *join(const char *const *argv)
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

static char *join_expanded(const char *const *argv, const struct language_variables *words)
{
    char **expanded;
    if (language_expand(argv, words, &expanded, NULL) < 0)
        return NULL;
    char *text = join((const char *const *)expanded);
    free(expanded);
    return text;
}

static int fill_produced_by(struct report *r, const struct engine_config *c,
                            const struct toolchain *p, const struct language_variables *words,
                            struct err *e)
{
    r->produced_by.version = strdup(c->version);
    r->produced_by.image = strdup(p->images);
    r->produced_by.compiler = strdup(p->version);
    r->produced_by.build = join_expanded(p->row->build, words);
    r->produced_by.run = join_expanded(p->row->run, words);
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

    if (artefact_inspect(t->plan->row, o->artefact_fd, &t->source, &t->words, &why, e) < 0)
        return -1;
    if (why) {
        if (buf_printf(&o->log, "%s%s\n", o->log.len > 0 ? "\n" : "", why) < 0)
            return out_of_memory(e);
        return fail_build(t, &o->log, 1, e);
    }
    bytes_clear(&r->build_log);
    free(r->produced_by.run);
    r->produced_by.run = join_expanded(t->plan->row->run, &t->words);
    if (!r->produced_by.run || bytes_copy(o->log.data, o->log.len, &r->build_log) < 0)
        return out_of_memory(e);
    t->artefact_fd = TAKE_FD(o->artefact_fd);
    return 1;
}

/* 1: built, or nothing to build; 0: BF; -1: our fault. */
static int build(struct judge *t, struct err *e)
{
    struct build_outcome o;

    if (!t->plan->row->build[0])
        return 1;
    judge_tests_prefetch(t->b, t->plan, &t->limits);
    engine_tell(t->b->config, &(struct engine_event){ .seq = t->b->seq, .kind = ENGINE_BUILDS });
    int64_t start = clock_mono_ns();
    if (build_run(t->b, t->plan, &t->words, &t->source, t->source_fd, &o, e) < 0)
        return -1;
    t->report->build_ms = (clock_mono_ns() - start) / NS_PER_MS;
    int rc = o.artefact_fd < 0 ? fail_build(t, &o.log, o.exit_code, e) : take_artefact(t, &o, e);
    build_outcome_clear(&o);
    return rc;
}

static int run(struct judge *t, struct err *e)
{
    struct judge_tests_request o = { .plan = t->plan,
                                     .submission = t->submission,
                                     .limits = t->limits,
                                     .words = &t->words,
                                     .source_fd = t->source_fd,
                                     .artefact_fd = t->artefact_fd };
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

/* No runtime starts with less than 2 MiB, and no JVM with a stack of more than 1 GiB; the cell has
 * the limit itself. */
static void set_sizes(struct language_variables *words, int64_t memory_limit)
{
    words->memory_mib = memory_limit > 2 * MIB ? memory_limit / MIB : 2;
    words->stack_mib = words->memory_mib < GIB / MIB ? words->memory_mib : GIB / MIB;
}

/* Some compilers refuse a byte order mark, and it means nothing to the others. */
static struct bytes without_mark(const struct bytes *source)
{
    static const char mark[] = { '\xef', '\xbb', '\xbf' };
    bool has = source->len >= sizeof mark && memcmp(source->data, mark, sizeof mark) == 0;
    size_t skip = has ? sizeof mark : 0;

    return (struct bytes){ .data = source->data + skip, .len = source->len - skip };
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
    const struct bytes *s = &t->source;
    const char *why;

    if (language_name_source(t->plan->row, s->data, s->len, &t->words, &why, e) < 0)
        return -1;
    set_sizes(&t->words, t->limits.memory_bytes);
    t->words.build_memory_mib = t->b->config->build_memory_bytes / MIB;
    if (fill_produced_by(t->report, t->b->config, t->plan, &t->words, e) < 0)
        return -1;
    if (why)
        return refuse_name(t, why, e);
    t->source_fd = cell_memfd("source", s->data, s->len, e);
    if (t->source_fd < 0)
        return -1;
    int built = build(t, e);
    return built > 0 ? run(t, e) : built;
}

int judge_submission(struct lease *b, const struct toolchain *p, const struct submission *s,
                     struct report **ret_report, struct err *e)
{
    const struct engine_config *c = b->config;
    struct judge t = { .b = b,
                       .plan = p,
                       .submission = s,
                       .source = without_mark(&s->source),
                       .source_fd = -1,
                       .artefact_fd = -1 };

    if (make_report(s, c, &t.report, e) < 0)
        return -1;
    t.limits = t.report->limits;
    int rc = build_and_run(&t, e);
    closep(&t.source_fd);
    closep(&t.artefact_fd);
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
    struct language_variables words = { .memory_mib = 0 };
    const char *why;
    CLEANUP(report_freep) struct report *r = NULL;

    words.build_memory_mib = b->config->build_memory_bytes / MIB;
    if (language_name_source(p->row, s->source.data, s->source.len, &words, &why, e) < 0 ||
        make_report(s, b->config, &r, e) < 0 || fill_produced_by(r, b->config, p, &words, e) < 0)
        return -1;
    r->error = strdup(error);
    if (!r->error)
        return out_of_memory(e);
    r->timestamp_ms = clock_wall_ms();
    *ret_report = TAKE(r);
    return 0;
}
