#include "bridge/publish/truncate.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/text.h"

/* The lengths, in bytes, that texts are cut to, one after the other. */
static const size_t sizes[] = { 16384, 4096, 1024, 256, 0 };

/* A text member, the member that marks it as cut, and the one with its exact bytes. */
struct text_member {
    const char *name, *mark, *exact; /* mark, exact: NULL: there is none */
};
static const struct text_member outputs[] = {
    { "stdout", "stdout_truncated", "stdout_base64" },
    { "stderr", "stderr_truncated", "stderr_base64" },
    { "build_log", NULL, "build_log_base64" },
};
static const struct text_member inputs[] = {
    { "input", NULL, "input_base64" },
    { "expected_output", NULL, "expected_output_base64" },
};

/* Removes the base64 form of a text, which does not match the cut text. */
static void remove_exact(json_t *object, const char *name)
{
    if (json_object_get(object, name))
        (void)json_object_set_new(object, name, json_null());
}

static void truncate_text(json_t *object, const struct text_member *t, size_t max)
{
    json_t *v = json_object_get(object, t->name);
    const char *text = json_string_value(v);
    size_t len = json_string_length(v);

    if (!text)
        return;
    if (len > max) {
        json_t *shorter = json_stringn(text, text_cut(text, len, max));
        (void)json_object_set_new(object, t->name, shorter);
    } else if (!t->exact || json_string_length(json_object_get(object, t->exact)) <= max) {
        return;
    }
    if (t->mark && json_object_get(object, t->mark))
        (void)json_object_set_new(object, t->mark, json_true());
    if (t->exact)
        remove_exact(object, t->exact);
}

/* Removes `stdout_gap` if its marker (for the omitted middle of stdout) was cut off. */
static void remove_gap_without_marker(json_t *test)
{
    const char *marker =
        json_string_value(json_object_get(json_object_get(test, "stdout_gap"), "marker"));
    const char *out = json_string_value(json_object_get(test, "stdout"));

    if (marker && out && !strstr(out, marker))
        (void)json_object_set_new(test, "stdout_gap", json_null());
}

static void truncate_texts(json_t *root, const struct text_member *texts, size_t texts_len,
                           size_t max)
{
    json_t *tests = json_object_get(root, "tests"), *test;
    size_t i;

    for (size_t k = 0; k < texts_len; k++) {
        truncate_text(root, &texts[k], max);
        json_array_foreach(tests, i, test) truncate_text(test, &texts[k], max);
    }
    json_array_foreach(tests, i, test) remove_gap_without_marker(test);
}

static const char truncation_note[] = "(this report was cut to fit its topic)";

/* Adds the note to `error`, unless it is there: several steps call this. */
static void add_truncation_note(json_t *root)
{
    const char *error = json_string_value(json_object_get(root, "error"));

    if (!error || strstr(error, truncation_note))
        return;
    size_t kept = text_cut(error, strlen(error), 400);
    (void)json_object_set_new(
        root, "error",
        json_sprintf("%.*s%s%s", (int)kept, error, kept > 0 ? " " : "", truncation_note));
}

static void remove_details(json_t *root)
{
    static const char *const longer[] = { "build_log", "stdout", "stderr" };
    json_t *tests = json_object_get(root, "tests"), *test;
    size_t i;

    for (size_t k = 0; k < ARRAY_LEN(longer); k++)
        (void)json_object_set_new(root, longer[k], json_string(""));
    json_array_foreach(tests, i, test)
    {
        (void)json_object_set_new(test, "first_difference", json_null());
        if (json_object_get(test, "stdout_gap"))
            (void)json_object_set_new(test, "stdout_gap", json_null());
        (void)json_object_set_new(test, "error", json_string(""));
    }
}

static void clear_produced_by(json_t *root)
{
    json_t *produced_by = json_object_get(root, "produced_by"), *v;
    const char *name;

    json_object_foreach(produced_by, name, v)(void) json_string_set(v, "");
}

/* The members that are kept when a report without texts and tests does not fit: first those that
 * every consumer reads, then only the id and the result. */
static const char *const kept[][12] = {
    { "id", "status", "verdict", "language", "exit_code", "stdout", "stderr", "duration_ms",
      "error", "tests", "timestamp", NULL },
    { "id", "status", "verdict", "error", NULL },
};

static void keep_members(json_t *root, const char *const *names)
{
    const char *name;
    json_t *v;
    void *next;

    json_object_foreach_safe(root, next, name, v)
    {
        const char *const *n = names;
        while (*n && strcmp(*n, name) != 0)
            n++;
        if (!*n)
            (void)json_object_del(root, name);
    }
}

static size_t dump_json(const json_t *root, char **ret_json)
{
    free(*ret_json);
    *ret_json = json_dumps(root, JSON_COMPACT);
    return *ret_json ? strlen(*ret_json) : SIZE_MAX;
}

static size_t remove_last_tests(json_t *root, size_t max, char **ret_json)
{
    json_t *tests = json_object_get(root, "tests");
    size_t left = json_array_size(tests), len;

    do {
        left /= 2;
        while (json_array_size(tests) > left)
            (void)json_array_remove(tests, json_array_size(tests) - 1);
        len = dump_json(root, ret_json);
    } while (len > max && left > 0);
    return len;
}

static size_t remove_members(json_t *root, size_t max, char **ret_json)
{
    size_t len = SIZE_MAX;

    for (size_t i = 0; i < ARRAY_LEN(kept) && len > max; i++) {
        keep_members(root, kept[i]);
        len = dump_json(root, ret_json);
    }
    if (len > max) {
        (void)json_object_set_new(root, "error", json_string(truncation_note));
        len = dump_json(root, ret_json);
    }
    return len;
}

static size_t shorten_report(json_t *root, size_t max, char **ret_json)
{
    bool has_no_tests = json_array_size(json_object_get(root, "tests")) == 0;

    clear_produced_by(root);
    size_t len = dump_json(root, ret_json);
    for (size_t i = 0; i < ARRAY_LEN(sizes) && len > max; i++) {
        truncate_texts(root, outputs, ARRAY_LEN(outputs), sizes[i]);
        if (has_no_tests) /* so there are no *_truncated marks of tests */
            add_truncation_note(root);
        len = dump_json(root, ret_json);
    }
    for (size_t i = 1; i < ARRAY_LEN(sizes) && len > max; i++) {
        truncate_texts(root, inputs, ARRAY_LEN(inputs), sizes[i]);
        add_truncation_note(root);
        len = dump_json(root, ret_json);
    }
    if (len > max) {
        remove_details(root);
        len = dump_json(root, ret_json);
    }
    if (len > max)
        len = remove_last_tests(root, max, ret_json);
    return len > max ? remove_members(root, max, ret_json) : len;
}

int truncate_report(const char *json, size_t len, size_t max, char **ret_json, size_t *ret_len,
                    struct err *e)
{
    CLEANUP(freep) char *shorter = NULL;
    json_auto_t *root = json_loadb(json, len, JSON_ALLOW_NUL, NULL);

    if (!root)
        return err_set(e, ERR_NOMEM, "cut a report of %zu bytes", len);
    size_t left = shorten_report(root, max, &shorter);
    if (!shorter)
        return err_set(e, ERR_NOMEM, "cut a report of %zu bytes", len);
    if (left > max)
        return err_set(e, ERR_INPUT, "a report of %zu bytes cannot be cut to %zu", len, max);
    *ret_json = TAKE(shorter);
    *ret_len = left;
    return 0;
}
