#include "schema/model/report.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/json/writer.h"

const char *const report_fields[] = {
    "id",       "status",      "exit_code",     "stdout",        "stderr",       "duration_ms",
    "error",    "tests",       "timestamp",     "verdict",       "language",     "signal",
    "queue_ms", "build_ms",    "run_ms",        "cpu_time_ms",   "memory_bytes", "build_log",
    "attempts", "produced_by", "stdout_base64", "stderr_base64", "limits",       "limit_hit",
    NULL,
};

/* ---- made ---- */

static int number_tests(struct report *r, const struct submission *s)
{
    r->has_tests = s->tests_len > 0;
    r->tests = calloc(s->tests_len + 1, sizeof *r->tests);
    if (!r->tests)
        return -1;
    for (; r->tests_len < s->tests_len; r->tests_len++) {
        struct test_report *t = &r->tests[r->tests_len];
        t->number = s->tests[r->tests_len].number;
        t->verdict = VERDICT_NONE;
        if (bytes_copy(NULL, 0, &t->out) < 0 || bytes_copy(NULL, 0, &t->err) < 0)
            return -1;
    }
    return 0;
}

int report_unjudged(const char *id, const char *language, const struct submission *s,
                    struct report **ret_report)
{
    CLEANUP(report_freep) struct report *r = calloc(1, sizeof *r);

    if (!r || bytes_copy(NULL, 0, &r->out) < 0 || bytes_copy(NULL, 0, &r->err) < 0 ||
        bytes_copy(NULL, 0, &r->build_log) < 0 || (s && number_tests(r, s) < 0))
        return -1;
    r->verdict = VERDICT_NONE;
    r->id = strdup(id);
    r->language = strdup(language);
    if (!r->id || !r->language)
        return -1;
    *ret_report = TAKE(r);
    return 0;
}

/* ---- written ---- */

static void put_word(struct writer *e, const char *key, const char *word)
{
    writer_key(e, key);
    writer_word(e, word);
}

static void put_number(struct writer *e, const char *key, bool known, int64_t number)
{
    writer_key(e, key);
    if (known)
        writer_number(e, number);
    else
        writer_null(e);
}

static void put_bool(struct writer *e, const char *key, bool value)
{
    writer_key(e, key);
    writer_bool(e, value);
}

static void put_text(struct writer *e, const char *key, const struct bytes *b)
{
    writer_key(e, key);
    writer_text(e, b->data, b->len);
}

/* The exact bytes, only where the text beside them had to be mended. */
static void put_base64(struct writer *e, const char *key, const struct bytes *b)
{
    writer_key(e, key);
    if (b->len > 0 && !text_is_utf8(b->data, b->len))
        writer_base64(e, b->data, b->len);
    else
        writer_null(e);
}

/* Beside what an empty one takes. */
size_t report_text_size(const struct bytes *b)
{
    size_t size = writer_text_size(b->data, b->len) - 2;

    if (b->len > 0 && !text_is_utf8(b->data, b->len))
        size += (b->len + 2) / 3 * 4;
    return size;
}

size_t report_difference_size(const struct first_difference *d)
{
    if (!d->present)
        return 0;
    return writer_text_size(d->expected.data, d->expected.len) +
           writer_text_size(d->got.data, d->got.len);
}

static void put_name(struct writer *e, const char *key, const char *name)
{
    writer_key(e, key);
    if (name)
        writer_word(e, name);
    else
        writer_null(e);
}

static void put_limits(struct writer *e, const struct limits *l)
{
    writer_key(e, "limits");
    if (l->memory_bytes == 0) {
        writer_null(e);
        return;
    }
    writer_begin(e, '{');
    put_number(e, "time_limit_ms", true, l->time_ms);
    put_number(e, "wall_time_limit_ms", l->wall_ms > 0, l->wall_ms);
    put_number(e, "memory_limit_bytes", true, l->memory_bytes);
    writer_end(e, '}');
}

static void put_difference(struct writer *e, const struct first_difference *d)
{
    writer_key(e, "first_difference");
    if (!d->present) {
        writer_null(e);
        return;
    }
    writer_begin(e, '{');
    put_number(e, "line", true, d->line);
    put_number(e, "column", true, d->column);
    put_number(e, "from_column", true, d->from_column);
    put_text(e, "expected", &d->expected);
    put_text(e, "got", &d->got);
    writer_end(e, '}');
}

static void put_gap(struct writer *e, const struct output_gap *gap)
{
    writer_key(e, "stdout_gap");
    if (!gap->marker) {
        writer_null(e);
        return;
    }
    writer_begin(e, '{');
    put_word(e, "marker", gap->marker);
    put_number(e, "line", true, gap->line);
    put_number(e, "column", true, gap->column);
    writer_end(e, '}');
}

static void put_test(struct writer *e, const struct test_report *t)
{
    writer_begin(e, '{');
    put_number(e, "number", true, t->number);
    put_word(e, "status", verdict_name(t->verdict));
    put_number(e, "exit_code", t->ran, t->exit_code);
    put_number(e, "duration_ms", t->ran, t->duration_ms);
    put_text(e, "stdout", &t->out);
    put_text(e, "stderr", &t->err);
    put_word(e, "input", ""); /* report_render() has them from the submission */
    put_word(e, "expected_output", "");
    put_word(e, "error", t->error);
    put_word(e, "verdict", verdict_name(t->verdict));
    put_name(e, "signal", t->signal);
    put_number(e, "cpu_time_ms", t->ran, t->cpu_time_ms);
    put_number(e, "memory_bytes", t->ran, t->memory_bytes);
    put_bool(e, "stdout_truncated", t->out_truncated);
    put_bool(e, "stderr_truncated", t->err_truncated);
    put_base64(e, "stdout_base64", &t->out);
    put_base64(e, "stderr_base64", &t->err);
    put_gap(e, &t->out_gap);
    put_difference(e, &t->difference);
    put_name(e, "limit_hit", t->limit_hit);
    writer_end(e, '}');
}

static void put_produced_by(struct writer *e, const struct report *r)
{
    writer_key(e, "produced_by");
    writer_begin(e, '{');
    put_word(e, "version", r->produced_by.version);
    put_word(e, "image", r->produced_by.image);
    put_word(e, "build", r->produced_by.build);
    put_word(e, "run", r->produced_by.run);
    put_word(e, "compiler", r->produced_by.compiler);
    writer_end(e, '}');
}

/* The reference's fields, in its order. */
static void put_reference_part(struct writer *e, const struct report *r)
{
    char timestamp[CLOCK_RFC3339_SIZE];

    clock_rfc3339(r->timestamp_ms, timestamp);
    put_word(e, "id", r->id);
    put_word(e, "status", verdict_name(r->verdict));
    put_number(e, "exit_code", r->ran || r->verdict == VERDICT_BF, r->exit_code);
    put_text(e, "stdout", &r->out);
    put_text(e, "stderr", &r->err);
    put_number(e, "duration_ms", r->ran, r->duration_ms);
    put_word(e, "error", r->error);
    writer_key(e, "tests");
    writer_begin(e, '[');
    for (size_t i = 0; i < r->tests_len; i++)
        put_test(e, &r->tests[i]);
    writer_end(e, ']');
    put_word(e, "timestamp", timestamp);
}

static void put_our_part(struct writer *e, const struct report *r)
{
    put_word(e, "verdict", verdict_name(r->verdict));
    put_word(e, "language", r->language);
    put_name(e, "signal", r->signal);
    put_number(e, "cpu_time_ms", r->ran, r->cpu_time_ms);
    put_number(e, "memory_bytes", r->ran, r->memory_bytes);
    put_number(e, "queue_ms", true, r->queue_ms);
    put_number(e, "build_ms", true, r->build_ms);
    put_number(e, "run_ms", true, r->run_ms);
    put_text(e, "build_log", &r->build_log);
    put_number(e, "attempts", true, r->attempts);
    put_produced_by(e, r);
    put_base64(e, "stdout_base64", &r->out);
    put_base64(e, "stderr_base64", &r->err);
    put_limits(e, &r->limits);
    put_name(e, "limit_hit", r->limit_hit);
}

int report_encode(const struct report *r, char **ret_json, size_t *ret_len, struct err *e)
{
    struct writer out = { 0 };

    writer_begin(&out, '{');
    put_reference_part(&out, r);
    put_our_part(&out, r);
    writer_end(&out, '}');
    if (writer_take(&out, ret_json, ret_len) < 0)
        return err_set(e, ERR_NOMEM, "write the report of '%.255s'", r->id ? r->id : "");
    return 0;
}

/* Borrows all but the error from r. */
static int make_bare(const struct report *r, size_t len, struct report *ret_bare)
{
    struct report bare = *r;
    const char *error = r->error ? r->error : "";

    bare.tests = calloc(r->tests_len + 1, sizeof *bare.tests);
    if (!bare.tests)
        return -1;
    if (asprintf(&bare.error, "%s%sits outputs were left out: the report was too large (%zu bytes)",
                 error, *error ? "; " : "", len) < 0) {
        free(bare.tests);
        return -1;
    }
    for (size_t i = 0; i < r->tests_len; i++) {
        struct test_report *t = &bare.tests[i];
        *t = r->tests[i];
        t->out_truncated = t->out_truncated || t->out.len > 0;
        t->err_truncated = t->err_truncated || t->err.len > 0;
        t->out = t->err = (struct bytes){ .data = NULL };
        t->out_gap = (struct output_gap){ .marker = NULL };
        t->difference.present = false;
    }
    bare.out = (struct bytes){ .data = NULL };
    if (r->verdict != VERDICT_BF)
        bare.err = (struct bytes){ .data = NULL };
    *ret_bare = bare;
    return 0;
}

int report_encode_within(const struct report *r, size_t max, char **ret_json, size_t *ret_len,
                         struct err *e)
{
    struct report bare;
    size_t len = 0;
    char *json;

    if (report_encode(r, &json, &len, e) == 0) {
        if (len <= max) {
            *ret_json = json;
            *ret_len = len;
            return 0;
        }
        free(json);
    }
    if (make_bare(r, len, &bare) < 0)
        return err_set(e, ERR_NOMEM, "write the report of '%.255s'", r->id ? r->id : "");
    int result = report_encode(&bare, ret_json, ret_len, e);
    free(bare.error);
    free(bare.tests);
    return result;
}

void report_clear_test(struct test_report *t)
{
    bytes_clear(&t->out);
    bytes_clear(&t->err);
    free(t->out_gap.marker);
    bytes_clear(&t->difference.expected);
    bytes_clear(&t->difference.got);
    free(t->error);
}

struct report *report_free(struct report *r)
{
    if (!r)
        return NULL;
    free(r->id);
    free(r->language);
    bytes_clear(&r->out);
    bytes_clear(&r->err);
    free(r->error);
    for (size_t i = 0; i < r->tests_len; i++)
        report_clear_test(&r->tests[i]);
    free(r->tests);
    bytes_clear(&r->build_log);
    free(r->produced_by.version);
    free(r->produced_by.image);
    free(r->produced_by.build);
    free(r->produced_by.run);
    free(r->produced_by.compiler);
    free(r);
    return NULL;
}
