#include "schema/model/submission.h"

#include "schema/base/text.h"

const char *submission_door_name(enum submission_door door)
{
    static const char *const names[SUBMISSION_DOORS] = {
        [SUBMISSION_HTTP] = "http", [SUBMISSION_KAFKA] = "kafka"
    };

    return names[door];
}

static int64_t effective_limit(int64_t sent, int64_t fallback, int64_t ceiling)
{
    int64_t limit = sent > 0 ? sent : fallback;
    return limit > 0 && limit < ceiling ? limit : ceiling;
}

struct limits submission_limits(const struct submission *s, int64_t default_time_ms,
                                int64_t default_memory_bytes, int64_t max_time_ms,
                                int64_t max_memory_bytes)
{
    int64_t wall_ceiling = max_time_ms + SUBMISSION_WALL_EXTRA_MS;
    return (struct limits){
        .time_ms = effective_limit(s->limits.time_ms, default_time_ms, max_time_ms),
        .wall_ms = s->limits.wall_ms < wall_ceiling ? s->limits.wall_ms : wall_ceiling,
        .memory_bytes =
            effective_limit(s->limits.memory_bytes, default_memory_bytes, max_memory_bytes),
    };
}

/* Sets `name`, or `base64_name` if the bytes are not UTF-8. As everywhere below, out of memory is
 * noticed because json_object_set_new() fails for a NULL object or value. */
static int set_json_text(json_t *object, const char *name, const char *base64_name,
                         const struct bytes *b)
{
    if (text_is_utf8(b->data, b->len))
        return json_object_set_new(object, name, json_stringn_nocheck(b->data, b->len));

    CLEANUP(freep) char *text = text_base64(b->data, b->len);
    return text ? json_object_set_new(object, base64_name, json_string_nocheck(text)) : -1;
}

static int set_json_limits(json_t *object, const struct limits *l)
{
    const struct {
        const char *name;
        int64_t value;
    } rows[] = { { "time_limit_ms", l->time_ms },
                 { "memory_limit_bytes", l->memory_bytes },
                 { "wall_time_limit_ms", l->wall_ms } };
    json_t *limits = json_object();
    int result = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].value > 0)
            result |= json_object_set_new(limits, rows[i].name, json_integer(rows[i].value));
    }
    return json_object_set_new(object, "limits", limits) | result;
}

static int set_json_tests(json_t *object, const struct submission *s)
{
    json_t *tests = json_array();
    int result = json_object_set_new(object, "tests", tests);

    for (size_t i = 0; i < s->tests_len && result == 0; i++) {
        const struct test *t = &s->tests[i];
        json_t *row = json_object();
        result = json_array_append_new(tests, row) |
                 json_object_set_new(row, "number", json_integer(t->number));
        if (result == 0)
            result = set_json_text(row, "input", "input_base64", &t->input) |
                     set_json_text(row, "expected_output", "expected_output_base64", &t->expected);
    }
    return result;
}

static json_t *checker_to_json(const struct checker *c)
{
    json_auto_t *object = json_pack("{s:s, s:b}", "name", checker_kind_name(c->kind),
                                    "case_sensitive", (int)c->case_sensitive);
    int result = 0;

    if (c->absolute_tolerance >= 0)
        result |=
            json_object_set_new(object, "absolute_tolerance", json_real(c->absolute_tolerance));
    if (c->relative_tolerance >= 0)
        result |=
            json_object_set_new(object, "relative_tolerance", json_real(c->relative_tolerance));
    return result == 0 ? TAKE(object) : NULL;
}

json_t *submission_to_json(const struct submission *s)
{
    json_auto_t *object = json_object();
    int result = 0;

    if (s->id)
        result |= json_object_set_new(object, "id", json_string(s->id));
    result |= json_object_set_new(object, "language", json_string(s->language));
    /* The wire has one file. */
    result |= set_json_text(object, "source", "source_base64", &s->source.files[0].bytes);
    result |= set_json_limits(object, &s->limits);
    result |= set_json_tests(object, s);
    if (s->checker_given)
        result |= json_object_set_new(object, "checker", checker_to_json(&s->checker));
    result |= json_object_set_new(object, "stop_on_failure", json_boolean(s->stop_on_failure));
    if (s->priority != 0)
        result |= json_object_set_new(object, "priority", json_integer(s->priority));
    if (s->owner)
        result |= json_object_set_new(object, "owner", json_string(s->owner));
    if (s->labels)
        result |= json_object_set_new(object, "labels", json_loads(s->labels, 0, NULL));
    return result == 0 ? TAKE(object) : NULL;
}

struct submission *submission_free(struct submission *s)
{
    if (!s)
        return NULL;
    free(s->id);
    free(s->language);
    free(s->owner);
    free(s->labels);
    source_tree_clear(&s->source);
    for (size_t i = 0; i < s->tests_len; i++) {
        bytes_clear(&s->tests[i].input);
        bytes_clear(&s->tests[i].expected);
    }
    free(s->tests);
    free(s);
    return NULL;
}

void submission_packed_clear(struct submission_packed *p)
{
    free(p->json);
    free(p->blobs);
    *p = (struct submission_packed){ 0 };
}
