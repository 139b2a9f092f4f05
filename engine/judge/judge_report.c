#include "engine/judge/judge_report.h"

#include <stdio.h>
#include <string.h>

#include "engine/cell/cell_types.h"
#include "engine/engine_config.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/model/labels.h"
#include "schema/model/report.h"

/* Upper bounds of the stored form without outputs: of the report itself, and of each test with a
 * difference and a gap, whose texts are counted apart. */
#define BASE_BYTES (8192 + LABELS_TEXT_MAX)
#define TEST_BYTES 768

#define WINDOW_MIN 1024 /* of kept_max; with less only the beginning is kept */
#define MARKER_MAX 96

static size_t minus(size_t a, size_t b) { return a > b ? a - b : 0; }

struct judge_report_room judge_report_room(const struct engine_config *c,
                                           const struct buf *build_log, size_t tests)
{
    const struct bytes log = { .data = build_log->data, .len = build_log->len };
    size_t fixed = BASE_BYTES + 2 * report_text_size(&log) + tests * TEST_BYTES;
    size_t all = minus((size_t)c->report_bytes, fixed), top = all / 8;
    struct judge_report_room room = {
        .kept_max = (size_t)c->report_output_bytes, .left = all - top, .to_come = tests, .top = top
    };

    if (tests > 0)
        room.share = room.left / 2 / tests;
    return room;
}

/* ---- one output ---- */

struct piece {
    size_t start, end;
};

/* `size` bytes around `at`, from the start of a line if there is one in front, else from the
 * start of a character. */
static struct piece window_at(const struct buf *from, size_t at, size_t size)
{
    size_t last = minus(from->len, size), start = minus(at, size / 2);

    if (start > last)
        start = last;
    const char *newline = memchr(from->data + start, '\n', at - start);

    if (newline)
        start = (size_t)(newline - from->data) + 1;
    else
        for (int i = 0; i < 3 && start < at && ((unsigned char)from->data[start] & 0xC0) == 0x80;
             i++)
            start++;
    return (struct piece){ start, start + text_cut(from->data + start, from->len - start, size) };
}

/* Cuts at the end of a line, unless that loses half of it. */
static size_t head_of(const struct buf *from, size_t max)
{
    const char *newline = memrchr(from->data + max / 2, '\n', max - max / 2);
    return newline ? (size_t)(newline - from->data) + 1 : text_cut(from->data, from->len, max);
}

/* Line and column of a byte, from 1. */
static void locate(const struct buf *from, size_t at, int64_t *ret_line, int64_t *ret_column)
{
    const char *start = from->data, *end = from->data + at, *newline;
    int64_t line = 1;

    for (; (newline = memchr(start, '\n', (size_t)(end - start))); line++)
        start = newline + 1;
    *ret_line = line;
    *ret_column = end - start + 1;
}

/* Keeps the beginning, a line in place of what is left out, and a window around the difference. */
static int keep_around(const struct buf *from, size_t max, size_t at, struct test_report *t)
{
    size_t size = max / 4;
    struct piece window = window_at(from, at, size);
    size_t head = head_of(from, max - size - MARKER_MAX);
    struct output_gap *gap = &t->out_gap;
    struct buf kept = { .data = NULL };

    locate(from, window.start, &gap->line, &gap->column);
    if (asprintf(&gap->marker, "[... %zu bytes left out, on to line %lld, column %lld ...]",
                 window.start - head, (long long)gap->line, (long long)gap->column) < 0) {
        gap->marker = NULL;
        return -1;
    }
    bool broken = head > 0 && from->data[head - 1] != '\n';
    if (buf_add(&kept, from->data, head) < 0 ||
        buf_printf(&kept, "%s%s\n", broken ? "\n" : "", gap->marker) < 0 ||
        buf_add(&kept, from->data + window.start, window.end - window.start) < 0) {
        buf_clear(&kept);
        return -1;
    }
    t->out.len = kept.len;
    t->out.data = buf_take(&kept);
    return 0;
}

static int keep_head(const struct buf *from, size_t max, struct bytes *ret_kept)
{
    size_t len = from->len > 0 ? text_cut(from->data, from->len, max) : 0;
    return bytes_copy(from->data, len, ret_kept);
}

static int keep_out(const struct cell_result *result, size_t max, struct test_report *t)
{
    size_t at = t->difference.got_offset;

    bytes_clear(&t->out);
    free(t->out_gap.marker);
    t->out_gap = (struct output_gap){ .marker = NULL };
    t->out_truncated = result->out_exceeded || result->out.len > max;
    /* The difference needs some bytes behind it. */
    if (t->difference.present && max >= WINDOW_MIN && result->out.len > max && at + max / 16 > max)
        return keep_around(&result->out, max, at, t);
    return keep_head(&result->out, max, &t->out);
}

static int keep_err(const struct cell_result *result, size_t max, struct test_report *t)
{
    bytes_clear(&t->err);
    t->err_truncated = result->err_truncated || result->err.len > max;
    return keep_head(&result->err, max, &t->err);
}

/* Keeps less of an output until its stored form has at most `allowed` bytes. Returns that size,
 * or SIZE_MAX. */
static size_t keep_within(int (*keep)(const struct cell_result *result, size_t max,
                                      struct test_report *t),
                          const struct cell_result *result, size_t max, size_t allowed,
                          struct test_report *t, const struct bytes *kept)
{
    if (max > allowed) /* each byte is stored as at least one */
        max = allowed;
    if (keep(result, max, t) < 0)
        return SIZE_MAX;
    for (size_t size; (size = report_text_size(kept)) > allowed;) {
        max =
            (size_t)((double)(max < kept->len ? max : kept->len) * (double)allowed / (double)size);
        if (keep(result, max, t) < 0)
            return SIZE_MAX;
        if (max == 0)
            break;
    }
    return report_text_size(kept);
}

int judge_report_keep(struct judge_report_room *room, const struct cell_result *result,
                      struct test_report *t, struct err *e)
{
    room->to_come = minus(room->to_come, 1);

    size_t allowed = minus(room->left, room->share * room->to_come);
    if (report_difference_size(&t->difference) > allowed) { /* then only its position is kept */
        bytes_clear(&t->difference.expected);
        bytes_clear(&t->difference.got);
    }
    allowed = minus(allowed, report_difference_size(&t->difference));
    room->left = minus(room->left, report_difference_size(&t->difference));
    size_t err = keep_within(keep_err, result, room->kept_max, allowed, t, &t->err);
    size_t out = keep_within(keep_out, result, room->kept_max, allowed, t, &t->out);
    if (err != SIZE_MAX && out != SIZE_MAX && out + err > allowed) {
        /* Each may have half, and what the other does not need. */
        size_t half = allowed / 2;
        out = keep_within(keep_out, result, room->kept_max, err < half ? allowed - err : half, t,
                          &t->out);
        if (out != SIZE_MAX)
            err = keep_within(keep_err, result, room->kept_max, minus(allowed, out), t, &t->err);
    }
    if (err == SIZE_MAX || out == SIZE_MAX)
        return err_set(e, ERR_NOMEM, "a test's output");
    room->left = minus(room->left, out + err);
    return 0;
}

/* ---- the report ---- */

static int set_report_no_memory(struct err *e) { return err_set(e, ERR_NOMEM, "a report"); }

static int copy_within(struct judge_report_room *room, const struct bytes *from, struct bytes *to)
{
    size_t len = from->len, size, allowed = room->left + room->top;
    struct bytes part = *from;

    while (len > 0 && (size = report_text_size(&part)) > allowed) {
        len = (size_t)((double)len * (double)allowed / (double)size);
        len = part.len = text_cut(from->data, from->len, len);
    }
    bytes_clear(to);
    if (bytes_copy(from->data, len, to) < 0)
        return -1;
    size = report_text_size(to);
    room->top = minus(room->top, minus(size, room->left));
    room->left = minus(room->left, size);
    return 0;
}

/* The report's own outputs are those of the last test that printed something. */
static int copy_outputs(struct judge_report_room *room, struct report *r)
{
    const struct bytes *out = NULL, *err = NULL;

    for (size_t i = r->tests_len; i-- > 0 && !(out && err);) {
        if (!err && r->tests[i].err.len > 0)
            err = &r->tests[i].err;
        if (!out && r->tests[i].out.len > 0)
            out = &r->tests[i].out;
    }
    if (err && copy_within(room, err, &r->err) < 0)
        return -1;
    return out ? copy_within(room, out, &r->out) : 0;
}

/* Adds one more test to the report's own fields: sums of times, the largest memory, the last
 * exit code that is not 0, the first verdict that is not OK. */
static void add_up(struct report *r, const struct test_report *t)
{
    r->duration_ms += t->duration_ms;
    r->cpu_time_ms += t->cpu_time_ms;
    r->memory_bytes = t->memory_bytes > r->memory_bytes ? t->memory_bytes : r->memory_bytes;
    if (t->exit_code != 0) {
        r->exit_code = t->exit_code;
        r->signal = t->signal;
    }
    if (r->verdict == VERDICT_OK) {
        r->verdict = t->verdict;
        r->limit_hit = t->limit_hit;
    }
}

/* The tests that have run are the first ones; the rest keep their form of a test that has not
 * run. */
static void take_tests(struct report *r, struct judge_results *results)
{
    for (size_t i = 0; i < results->tests_len; i++) {
        report_clear_test(&r->tests[i]);
        r->tests[i] = results->tests[i];
    }
    results->tests_len = 0;
}

/* Without tests, the outputs of the one run are the report's own. */
static void take_run(struct report *r, struct test_report *t)
{
    bytes_clear(&r->out);
    bytes_clear(&r->err);
    r->out = t->out;
    r->err = t->err;
    r->error = t->error;
    t->out = t->err = (struct bytes){ .data = NULL };
    t->error = NULL;
}

static int fill_run(struct report *r, struct judge_results *results)
{
    r->verdict = VERDICT_OK;
    for (size_t i = 0; i < results->tests_len; i++)
        add_up(r, &results->tests[i]);
    if (r->tests_len == 0) {
        take_run(r, &results->tests[0]);
        return 0;
    }
    take_tests(r, results);
    return copy_outputs(&results->room, r);
}

/* BF: the build log is also the stderr of the report. */
static int fill_failed_build(struct report *r, const struct judge_results *results)
{
    const struct buf *log = &results->build_log;

    r->verdict = VERDICT_BF;
    r->exit_code = results->exit_code;
    bytes_clear(&r->err);
    return bytes_copy(log->data, log->len, &r->err);
}

static int fill_report(struct report *r, struct judge_results *results)
{
    const struct buf *log = &results->build_log;

    r->ran = !results->build_failed;
    r->build_ms = results->build_ms;
    r->run_ms = results->run_ms;
    bytes_clear(&r->build_log);
    if (bytes_copy(log->data, log->len, &r->build_log) < 0)
        return -1;
    return results->build_failed ? fill_failed_build(r, results) : fill_run(r, results);
}

/* A report of this submission in which nothing has run. */
static int begin_report(const struct submission *s, const struct limits *limits,
                        struct report **ret_report, struct err *e)
{
    if (report_unjudged(s->id ? s->id : "", s->language, s, ret_report) < 0)
        return set_report_no_memory(e);
    (*ret_report)->limits = *limits;
    return 0;
}

int judge_report_make(const struct submission *s, const struct limits *limits,
                      struct judge_results *results, struct report **ret_report, struct err *e)
{
    CLEANUP(report_freep) struct report *r = NULL;

    if (begin_report(s, limits, &r, e) < 0)
        return -1;
    if (fill_report(r, results) < 0)
        return set_report_no_memory(e);
    *ret_report = TAKE(r);
    return 0;
}

int judge_report_unjudged(const struct submission *s, const struct limits *limits,
                          const char *error, struct report **ret_report, struct err *e)
{
    CLEANUP(report_freep) struct report *r = NULL;

    if (begin_report(s, limits, &r, e) < 0)
        return -1;
    r->error = strdup(error);
    if (!r->error)
        return set_report_no_memory(e);
    *ret_report = TAKE(r);
    return 0;
}
