#include "engine/judge/judge.h"

#include <string.h>

#include "engine/build/artefact.h"
#include "engine/build/build.h"
#include "engine/build/build_outcome.h"
#include "engine/build/toolchain.h"
#include "engine/cell/cell_memfd.h"
#include "engine/engine_config.h"
#include "engine/judge/judge_report.h"
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
    struct judge_results results;
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

/* What the compiler left may still be no program. It is looked at here and not where it is built,
 * since it may come from the cache. 1, 0 and -1 as build(). */
static int take_artefact(struct judge *t, struct build_outcome *o, struct err *e)
{
    const char *why;

    if (artefact_inspect(t->plan->row, o->artefact_fd, &t->source, &t->words, &why, e) < 0)
        return -1;
    if (why) {
        if (buf_printf(&o->log, "%s%s\n", o->log.len > 0 ? "\n" : "", why) < 0)
            return out_of_memory(e);
        judge_results_fail_build(&t->results, &o->log, 1);
        return 0;
    }
    t->results.build_log = o->log;
    o->log = (struct buf){ .data = NULL };
    t->artefact_fd = TAKE_FD(o->artefact_fd);
    return 1;
}

/* 1: built, or nothing to build; 0: BF; -1: our fault. */
static int build(struct judge *t, struct err *e)
{
    struct build_outcome o;
    int rc = 0;

    if (!t->plan->row->build[0])
        return 1;
    judge_tests_prefetch(t->b, t->plan, &t->limits);
    engine_tell(t->b->config, &(struct engine_event){ .seq = t->b->seq, .kind = ENGINE_BUILDS });
    int64_t start = clock_mono_ns();
    if (build_run(t->b, t->plan, &t->words, &t->source, t->source_fd, &o, e) < 0)
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
    struct judge_tests_request o = { .plan = t->plan,
                                     .submission = t->submission,
                                     .limits = t->limits,
                                     .words = &t->words,
                                     .source_fd = t->source_fd,
                                     .artefact_fd = t->artefact_fd };

    engine_tell(t->b->config, &(struct engine_event){ .seq = t->b->seq, .kind = ENGINE_RUNS });
    int64_t start = clock_mono_ns();
    int rc = judge_tests(t->b, &o, &t->results, e);
    t->results.run_ms = (clock_mono_ns() - start) / NS_PER_MS;
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

    if (buf_printf(&log, "%s\n", why) < 0)
        return out_of_memory(e);
    judge_results_fail_build(&t->results, &log, 1);
    return 0;
}

static int build_and_run(struct judge *t, struct err *e)
{
    const struct bytes *s = &t->source;
    const char *why;

    if (language_name_source(t->plan->row, s->data, s->len, &t->words, &why, e) < 0)
        return -1;
    set_sizes(&t->words, t->limits.memory_bytes);
    t->words.build_memory_mib = t->b->config->build_memory_bytes / MIB;
    if (why)
        return refuse_name(t, why, e);
    t->source_fd = cell_memfd("source", s->data, s->len, e);
    if (t->source_fd < 0)
        return -1;
    int built = build(t, e);
    return built > 0 ? run(t, e) : built;
}

static int make_report(struct judge *t, struct report **ret_report, struct err *e)
{
    const struct engine_config *c = t->b->config;
    CLEANUP(report_freep) struct report *r = NULL;

    if (judge_report_make(t->submission, c, &t->results, &r, e) < 0 ||
        fill_produced_by(r, c, t->plan, &t->words, e) < 0)
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
                       .plan = p,
                       .submission = s,
                       .source = without_mark(&s->source),
                       .limits = submission_limits(s, c->default_time_ms, c->default_memory_bytes,
                                                   c->max_time_ms, c->max_memory_bytes),
                       .source_fd = -1,
                       .artefact_fd = -1 };

    int rc = build_and_run(&t, e);
    closep(&t.source_fd);
    closep(&t.artefact_fd);
    if (rc == 0)
        rc = make_report(&t, ret_report, e);
    judge_results_clear(&t.results);
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
        judge_report_unjudged(s, b->config, error, &r, e) < 0 ||
        fill_produced_by(r, b->config, p, &words, e) < 0)
        return -1;
    r->timestamp_ms = clock_wall_ms();
    *ret_report = TAKE(r);
    return 0;
}
