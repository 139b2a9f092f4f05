#include <sodium.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/json/reader.h"
#include "schema/model/submission.h"

#define DEPTH_MAX 8 /* submission_pack() writes 4 levels */

struct unpack {
    struct reader *reader;
    submission_blob_fn *find_blob;
    void *ctx;
    struct err *e;
};

static int damaged(struct unpack *u, const char *field)
{
    return err_set(u->e, ERR_BUG, "stored submission: bad '%s'", field);
}

static int fetch_blob(struct unpack *u, const json_t *hex, struct bytes *ret_bytes)
{
    struct bytes name = { 0 };
    uint8_t hash[TEXT_HASH_SIZE];
    size_t n = 0;

    if (reader_string(u->reader, hex, &name) < 0)
        return err_set(u->e, ERR_NOMEM, "unpack a submission");
    int bad = sodium_hex2bin(hash, sizeof hash, name.data, name.len, NULL, &n, NULL);
    bytes_clear(&name);
    return bad || n != sizeof hash ? damaged(u, "hash")
                                   : u->find_blob(u->ctx, hash, ret_bytes, u->e);
}

static int decode_inline(struct unpack *u, const json_t *base64, struct bytes *ret_bytes)
{
    struct bytes text = { 0 }, bytes = { 0 };

    if (reader_string(u->reader, base64, &text) < 0)
        return err_set(u->e, ERR_NOMEM, "unpack a submission");
    int bad = text_from_base64(text.data, text.len, &bytes.data, &bytes.len);
    bytes_clear(&text);
    if (bad)
        return damaged(u, "base64");
    *ret_bytes = bytes;
    return 0;
}

/* One of the three forms that submission_pack() writes. */
static int unpack_text(struct unpack *u, const json_t *from, const char *field,
                       struct bytes *ret_bytes)
{
    const json_t *v = json_object_get(from, field), *inner;

    if (json_is_string(v)) {
        if (reader_string(u->reader, v, ret_bytes) < 0)
            return err_set(u->e, ERR_NOMEM, "unpack a submission");
        return 0;
    }
    if (json_is_string(inner = json_object_get(v, "base64")))
        return decode_inline(u, inner, ret_bytes);
    if (json_is_string(inner = json_object_get(v, "hash")))
        return fetch_blob(u, inner, ret_bytes);
    return damaged(u, field);
}

static int unpack_word(struct unpack *u, const json_t *from, const char *field, char **ret_word)
{
    struct bytes b = { 0 };
    if (unpack_text(u, from, field, &b) < 0)
        return -1;
    *ret_word = b.data;
    return 0;
}

/* Absent means 0. */
static int unpack_number(struct unpack *u, const json_t *from, const char *field, int64_t *ret)
{
    const json_t *v = json_object_get(from, field);
    if (v && !json_is_integer(v))
        return damaged(u, field);
    *ret = json_integer_value(v);
    return 0;
}

/* See pack_tolerances(). */
static int unpack_tolerances(struct unpack *u, const json_t *from, struct checker *c)
{
    static const char *const names[] = { "absolute_tolerance", "relative_tolerance" };
    double *const into[] = { &c->absolute_tolerance, &c->relative_tolerance };
    bool any = json_object_get(from, names[0]) || json_object_get(from, names[1]);

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const json_t *v = json_object_get(from, names[i]);
        if (v && !json_is_null(v) && !json_is_number(v))
            return damaged(u, names[i]);
        if (json_is_number(v))
            *into[i] = json_number_value(v);
        else
            *into[i] = any && !v ? CHECKER_TOLERANCE : CHECKER_NOT_GIVEN;
    }
    return 0;
}

static int unpack_bool(struct unpack *u, const json_t *from, const char *field, bool *ret)
{
    const json_t *v = json_object_get(from, field);
    if (!json_is_boolean(v))
        return damaged(u, field);
    *ret = json_is_true(v);
    return 0;
}

static int unpack_checker(struct unpack *u, const json_t *c, struct submission *s)
{
    const char *name = json_string_value(json_object_get(c, "name"));

    if (!name || !checker_kind_from_name(name, &s->checker.kind))
        return damaged(u, "checker");
    if (unpack_bool(u, c, "case_sensitive", &s->checker.case_sensitive) < 0 ||
        unpack_tolerances(u, c, &s->checker) < 0)
        return -1;
    return unpack_bool(u, c, "given", &s->checker_given);
}

static int unpack_tests(struct unpack *u, const json_t *tests, struct submission *s)
{
    size_t len = json_array_size(tests);

    if (!json_is_array(tests))
        return damaged(u, "tests");
    if (len == 0)
        return 0;
    s->tests = calloc(len, sizeof *s->tests);
    if (!s->tests)
        return err_set(u->e, ERR_NOMEM, "unpack a submission");
    s->tests_len = len;
    for (size_t i = 0; i < len; i++) {
        const json_t *row = json_array_get(tests, i);
        if (unpack_number(u, row, "number", &s->tests[i].number) < 0 ||
            unpack_text(u, row, "input", &s->tests[i].input) < 0 ||
            unpack_text(u, row, "expected_output", &s->tests[i].expected) < 0)
            return -1;
    }
    return 0;
}

static int unpack_file(struct unpack *u, const json_t *row, struct source_file *f)
{
    if (json_object_get(row, "name") && unpack_word(u, row, "name", &f->name) < 0)
        return -1;
    return unpack_text(u, row, "text", &f->bytes);
}

/* See pack_source(). */
static int unpack_source(struct unpack *u, const json_t *root, struct source_tree *t)
{
    const json_t *files = json_object_get(root, "source");
    bool plain = !json_is_array(files);
    size_t len = plain ? 1 : json_array_size(files);

    if (len == 0)
        return damaged(u, "source");
    if (source_tree_make(len, t) < 0)
        return err_set(u->e, ERR_NOMEM, "unpack a submission");
    if (plain)
        return unpack_text(u, root, "source", &t->files[0].bytes);
    for (size_t i = 0; i < len; i++) {
        if (unpack_file(u, json_array_get(files, i), &t->files[i]) < 0)
            return -1;
    }
    return 0;
}

static int unpack_hash(struct unpack *u, struct submission *s)
{
    struct bytes hex = { 0 };
    size_t n = 0;

    if (unpack_text(u, u->reader->root, "hash", &hex) < 0)
        return -1;
    int bad = sodium_hex2bin(s->hash, sizeof s->hash, hex.data, hex.len, NULL, &n, NULL);
    bytes_clear(&hex);
    return bad || n != sizeof s->hash ? damaged(u, "hash") : 0;
}

static int unpack_limits(struct unpack *u, const json_t *object, struct limits *l)
{
    if (unpack_number(u, object, "time_limit_ms", &l->time_ms) < 0 ||
        unpack_number(u, object, "wall_time_limit_ms", &l->wall_ms) < 0)
        return -1;
    return unpack_number(u, object, "memory_limit_bytes", &l->memory_bytes);
}

/* Rows of earlier versions have neither. */
static int unpack_origin(struct unpack *u, struct submission *s)
{
    const json_t *root = u->reader->root;
    CLEANUP(freep) char *trace = NULL;

    for (size_t i = 0; i < SUBMISSION_DOORS; i++) {
        const char *name = submission_door_name((enum submission_door)i);
        const char *door = json_string_value(json_object_get(root, "door"));
        if (name && door && strcmp(name, door) == 0)
            s->door = (enum submission_door)i;
    }
    if (!json_object_get(root, TRACEPARENT_NAME))
        return 0;
    if (unpack_word(u, root, TRACEPARENT_NAME, &trace) < 0)
        return -1;
    return traceparent_read(trace, strlen(trace), s->traceparent) ? 0
                                                                  : damaged(u, TRACEPARENT_NAME);
}

static int unpack_all(struct unpack *u, struct submission *s)
{
    const json_t *root = u->reader->root;

    if ((json_object_get(root, "id") && unpack_word(u, root, "id", &s->id) < 0) ||
        (json_object_get(root, "owner") && unpack_word(u, root, "owner", &s->owner) < 0) ||
        (json_object_get(root, "labels") && unpack_word(u, root, "labels", &s->labels) < 0) ||
        unpack_number(u, root, "priority", &s->priority) < 0)
        return -1;
    if (unpack_word(u, root, "language", &s->language) < 0 ||
        unpack_source(u, root, &s->source) < 0 || unpack_limits(u, root, &s->limits) < 0 ||
        unpack_limits(u, json_object_get(root, "in_force"), &s->in_force) < 0 ||
        unpack_checker(u, json_object_get(root, "checker"), s) < 0 ||
        unpack_bool(u, root, "stop_on_failure", &s->stop_on_failure) < 0 ||
        unpack_tests(u, json_object_get(root, "tests"), s) < 0)
        return -1;
    if (unpack_origin(u, s) < 0)
        return -1;
    return s->id ? unpack_hash(u, s) : 0;
}

int submission_unpack(const char *json, size_t len, submission_blob_fn *find_blob, void *ctx,
                      struct submission **ret_submission, struct err *e)
{
    CLEANUP(submission_freep) struct submission *s = calloc(1, sizeof *s);
    struct reader reader;
    struct unpack u = { .reader = &reader, .find_blob = find_blob, .ctx = ctx, .e = e };

    if (!s)
        return err_set(e, ERR_NOMEM, "unpack a submission");
    int result = reader_load(json, len, DEPTH_MAX, INT64_MAX, &reader, e);
    if (result == 0)
        result = unpack_all(&u, s);
    reader_clear(&reader);
    if (result == 0)
        *ret_submission = TAKE(s);
    return result;
}
