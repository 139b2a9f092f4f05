#include "schema/model/report.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/json/writer.h"

const char *const report_fields[] = {
    "id",
    "status",
    "exit_code",
    "stdout",
    "stderr",
    "duration_ms",
    "error",
    "tests",
    "timestamp",
    "verdict",
    "language",
    "signal",
    "queue_ms",
    "build_ms",
    "run_ms",
    "cpu_time_ms",
    "memory_bytes",
    "build_log",
    "attempts",
    "produced_by",
    "stdout_base64",
    "stderr_base64",
    "limits",
    "limit_hit",
    "door",
    "traceparent",
    "labels",
    NULL,
};

/* ---- made ---- */

static int take_submission(struct report *r, const struct submission *s)
{
    r->has_tests = s->tests_len > 0;
    r->door = s->door;
    memcpy(r->traceparent, s->traceparent, sizeof r->traceparent);
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
        bytes_copy(NULL, 0, &r->build_log) < 0 || (s && take_submission(r, s) < 0))
        return -1;
    r->verdict = VERDICT_NONE;
    r->id = strdup(id);
    r->language = strdup(language);
    r->labels = s && s->labels ? strdup(s->labels) : NULL;
    if (!r->id || !r->language || (s && s->labels && !r->labels))
        return -1;
    *ret_report = TAKE(r);
    return 0;
}

/* ---- written ---- */

static void encode_word(struct writer *w, const char *key, const char *word)
{
    writer_key(w, key);
    writer_word(w, word);
}

static void encode_number(struct writer *w, const char *key, bool known, int64_t number)
{
    writer_key(w, key);
    if (known)
        writer_number(w, number);
    else
        writer_null(w);
}

static void encode_bool(struct writer *w, const char *key, bool value)
{
    writer_key(w, key);
    writer_bool(w, value);
}

static void encode_text(struct writer *w, const char *key, const struct bytes *b)
{
    writer_key(w, key);
    writer_text(w, b->data, b->len);
}

/* The exact bytes; null if they are UTF-8, because then the text has them. */
static void encode_base64(struct writer *w, const char *key, const struct bytes *b)
{
    writer_key(w, key);
    if (b->len > 0 && !text_is_utf8(b->data, b->len))
        writer_base64(w, b->data, b->len);
    else
        writer_null(w);
}

/* What it takes more than an empty text. */
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

static void encode_optional_word(struct writer *w, const char *key, const char *name)
{
    writer_key(w, key);
    if (name)
        writer_word(w, name);
    else
        writer_null(w);
}

static void encode_limits(struct writer *w, const struct limits *l)
{
    writer_key(w, "limits");
    if (l->memory_bytes == 0) {
        writer_null(w);
        return;
    }
    writer_begin(w, '{');
    encode_number(w, "time_limit_ms", true, l->time_ms);
    encode_number(w, "wall_time_limit_ms", l->wall_ms > 0, l->wall_ms);
    encode_number(w, "memory_limit_bytes", true, l->memory_bytes);
    writer_end(w, '}');
}

static void encode_difference(struct writer *w, const struct first_difference *d)
{
    writer_key(w, "first_difference");
    if (!d->present) {
        writer_null(w);
        return;
    }
    writer_begin(w, '{');
    encode_number(w, "line", true, d->line);
    encode_number(w, "column", true, d->column);
    encode_number(w, "from_column", true, d->from_column);
    encode_text(w, "expected", &d->expected);
    encode_text(w, "got", &d->got);
    writer_end(w, '}');
}

static void encode_gap(struct writer *w, const struct output_gap *gap)
{
    writer_key(w, "stdout_gap");
    if (!gap->marker) {
        writer_null(w);
        return;
    }
    writer_begin(w, '{');
    encode_word(w, "marker", gap->marker);
    encode_number(w, "line", true, gap->line);
    encode_number(w, "column", true, gap->column);
    writer_end(w, '}');
}

static void encode_test(struct writer *w, const struct test_report *t)
{
    writer_begin(w, '{');
    encode_number(w, "number", true, t->number);
    encode_word(w, "status", verdict_name(t->verdict));
    encode_number(w, "exit_code", t->ran, t->exit_code);
    encode_number(w, "duration_ms", t->ran, t->duration_ms);
    encode_text(w, "stdout", &t->out);
    encode_text(w, "stderr", &t->err);
    encode_word(w, "input", ""); /* report_render() adds both from the submission */
    encode_word(w, "expected_output", "");
    encode_word(w, "error", t->error);
    encode_word(w, "verdict", verdict_name(t->verdict));
    encode_optional_word(w, "signal", t->signal);
    encode_number(w, "cpu_time_ms", t->ran, t->cpu_time_ms);
    encode_number(w, "memory_bytes", t->ran, t->memory_bytes);
    encode_bool(w, "stdout_truncated", t->out_truncated);
    encode_bool(w, "stderr_truncated", t->err_truncated);
    encode_base64(w, "stdout_base64", &t->out);
    encode_base64(w, "stderr_base64", &t->err);
    encode_gap(w, &t->out_gap);
    encode_difference(w, &t->difference);
    encode_optional_word(w, "limit_hit", t->limit_hit);
    writer_end(w, '}');
}

static void encode_produced_by(struct writer *w, const struct report *r)
{
    writer_key(w, "produced_by");
    writer_begin(w, '{');
    encode_word(w, "version", r->produced_by.version);
    encode_word(w, "image", r->produced_by.image);
    encode_word(w, "build", r->produced_by.build);
    encode_word(w, "run", r->produced_by.run);
    encode_word(w, "compiler", r->produced_by.compiler);
    writer_end(w, '}');
}

static void encode_labels(struct writer *w, const char *labels)
{
    const char *text = labels ? labels : "{}";

    writer_key(w, "labels");
    writer_raw(w, text, strlen(text));
}

/* The fields of the reference implementation, in its order. */
static void encode_reference_fields(struct writer *w, const struct report *r)
{
    char timestamp[CLOCK_RFC3339_SIZE];

    clock_rfc3339(r->timestamp_ms, timestamp);
    encode_word(w, "id", r->id);
    encode_word(w, "status", verdict_name(r->verdict));
    encode_number(w, "exit_code", r->ran || r->verdict == VERDICT_BF, r->exit_code);
    encode_text(w, "stdout", &r->out);
    encode_text(w, "stderr", &r->err);
    encode_number(w, "duration_ms", r->ran, r->duration_ms);
    encode_word(w, "error", r->error);
    writer_key(w, "tests");
    writer_begin(w, '[');
    for (size_t i = 0; i < r->tests_len; i++)
        encode_test(w, &r->tests[i]);
    writer_end(w, ']');
    encode_word(w, "timestamp", timestamp);
}

static void encode_own_fields(struct writer *w, const struct report *r)
{
    encode_word(w, "verdict", verdict_name(r->verdict));
    encode_word(w, "language", r->language);
    encode_optional_word(w, "signal", r->signal);
    encode_number(w, "cpu_time_ms", r->ran, r->cpu_time_ms);
    encode_number(w, "memory_bytes", r->ran, r->memory_bytes);
    encode_number(w, "queue_ms", true, r->queue_ms);
    encode_number(w, "build_ms", true, r->build_ms);
    encode_number(w, "run_ms", true, r->run_ms);
    encode_text(w, "build_log", &r->build_log);
    encode_number(w, "attempts", true, r->attempts);
    encode_produced_by(w, r);
    encode_base64(w, "stdout_base64", &r->out);
    encode_base64(w, "stderr_base64", &r->err);
    encode_limits(w, &r->limits);
    encode_optional_word(w, "limit_hit", r->limit_hit);
    encode_optional_word(w, "door", submission_door_name(r->door));
    encode_optional_word(w, TRACEPARENT_NAME, r->traceparent[0] ? r->traceparent : NULL);
    encode_labels(w, r->labels);
}

int report_encode(const struct report *r, char **ret_json, size_t *ret_len, struct err *e)
{
    struct writer out = { 0 };

    writer_begin(&out, '{');
    encode_reference_fields(&out, r);
    encode_own_fields(&out, r);
    writer_end(&out, '}');
    if (writer_take(&out, ret_json, ret_len) < 0)
        return err_set(e, ERR_NOMEM, "write the report of '%.255s'", r->id ? r->id : "");
    return 0;
}

/* *ret_copy owns its error and its array of tests; all else is borrowed from r. */
static int copy_without_outputs(const struct report *r, size_t len, struct report *ret_copy)
{
    struct report copy = *r;
    const char *error = r->error ? r->error : "";

    copy.tests = calloc(r->tests_len + 1, sizeof *copy.tests);
    if (!copy.tests)
        return -1;
    if (asprintf(&copy.error, "%s%sits outputs were left out: the report was too large (%zu bytes)",
                 error, *error ? "; " : "", len) < 0) {
        free(copy.tests);
        return -1;
    }
    for (size_t i = 0; i < r->tests_len; i++) {
        struct test_report *t = &copy.tests[i];
        *t = r->tests[i];
        t->out_truncated = t->out_truncated || t->out.len > 0;
        t->err_truncated = t->err_truncated || t->err.len > 0;
        t->out = t->err = (struct bytes){ .data = NULL };
        t->out_gap = (struct output_gap){ .marker = NULL };
        t->difference.present = false;
    }
    copy.out = (struct bytes){ .data = NULL };
    if (r->verdict != VERDICT_BF)
        copy.err = (struct bytes){ .data = NULL };
    *ret_copy = copy;
    return 0;
}

int report_encode_within(const struct report *r, size_t max, char **ret_json, size_t *ret_len,
                         struct err *e)
{
    struct report copy;
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
    if (copy_without_outputs(r, len, &copy) < 0)
        return err_set(e, ERR_NOMEM, "write the report of '%.255s'", r->id ? r->id : "");
    int result = report_encode(&copy, ret_json, ret_len, e);
    free(copy.error);
    free(copy.tests);
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
    free(r->labels);
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
