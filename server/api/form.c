#include "server/api/form.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/bundle/bundle.h"
#include "schema/bundle/testset.h"
#include "schema/bundle/unzip.h"
#include "schema/json/fields.h"
#include "schema/json/writer.h"
#include "schema/model/submission.h"
#include "server/http/multipart.h"

/* Halves of pairs for each test that is allowed, so that one too many is seen as such. */
#define FILES_PER_TEST 4

struct form_field {
    char name[MULTIPART_NAME_MAX + 1];
    const char *data; /* borrowed from the body */
    size_t len;
};

struct form {
    const struct form_rules *rules;
    struct fields wrong; /* where errors go */
    struct bundle_bounds bounds;
    struct form_field *fields; /* owned */
    size_t len;
    char source_name[MULTIPART_NAME_MAX + 1]; /* of its file; "": it was none */
    const char *language;                     /* by that; NULL: it was given, or is missing */
    bool has_test_files;
    struct testset tests;
};

/* How much of a name is that of the object it is in: "limits" of "limits.time_limit_ms". */
static size_t group_len(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot ? (size_t)(dot - name) : 0;
}

static bool is_in_group(const char *name, const char *group, size_t len)
{
    return len > 0 && group_len(name) == len && memcmp(name, group, len) == 0;
}

/* ---- errors ---- */

/* detail: static, or of *e. Returns -1. */
static int refuse_form_field(struct form *f, const char *name, const char *detail, struct err *e)
{
    size_t group = group_len(name);
    char path[64];
    struct fields_place at = { path, FIELDS_NO_INDEX };

    (void)snprintf(path, sizeof path, group ? "/%.*s" : "", (int)group, name);
    if (fields_wrong(&f->wrong, &at, group ? name + group + 1 : name, "%s", detail) < 0)
        return err_set(e, ERR_NOMEM, "read a form");
    const struct field_error *first = &f->wrong.errors->list[0];
    return err_set(e, ERR_INPUT, "%s: %s", first->pointer, first->detail);
}

/* What *e says is the field's, unless it is a fault of ours. */
static int blame_field(struct form *f, const char *name, struct err *e)
{
    const struct err why = *e;

    return why.kind == ERR_INPUT ? refuse_form_field(f, name, why.msg, e) : -1;
}

/* ---- taking parts ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);

    return len >= n && strcmp(name + len - n, end) == 0;
}

static int add_half(struct form *f, const struct multipart_part *part, struct err *e)
{
    struct bytes bytes = { .data = NULL };
    int rc = bundle_check_name(part->filename, e);

    if (rc == 0)
        rc = f->bounds.hold(f->bounds.ctx, part->len, e);
    if (rc == 0 && bytes_copy(part->data, part->len, &bytes) < 0)
        rc = err_set(e, ERR_NOMEM, "read a form");
    if (rc == 0)
        rc = bundle_add(&f->tests.bundle, &f->bounds, part->filename, &bytes, e);
    bytes_clear(&bytes);
    return rc;
}

static int take_test_file(struct form *f, const struct multipart_part *part, struct err *e)
{
    int rc;

    if (*part->filename == '\0' && part->len == 0)
        return 0; /* what a browser sends where no file was chosen */
    f->has_test_files = true;
    if (testset_wants(base_name(part->filename)))
        rc = add_half(f, part, e);
    else if (unzip_is_archive(part->data, part->len))
        rc = unzip_bytes(part->data, part->len, &f->bounds, &f->tests.bundle, e);
    else
        rc = err_set(e, ERR_INPUT, "it is no zip archive, and no .in, .ans or .out file");
    if (rc == 0)
        return 0;
    (void)err_wrap(e, "%s", part->filename);
    return blame_field(f, "tests", e);
}

static int check_name(struct form *f, const char *name, struct err *e)
{
    if (f->len == FORM_FIELDS_MAX)
        return err_set(e, ERR_SYNTAX, "it has more than %d fields", FORM_FIELDS_MAX);
    if (!text_is_utf8(name, strlen(name)))
        return err_set(e, ERR_SYNTAX, "the name of a part is no text in UTF-8");
    for (size_t i = 0; i < f->len; i++) {
        const char *other = f->fields[i].name;
        if (strcmp(other, name) == 0)
            return refuse_form_field(f, name, "is given twice", e);
        if (is_in_group(other, name, strlen(name)) || is_in_group(name, other, strlen(other)))
            return refuse_form_field(f, name, "is given as a whole and in parts", e);
    }
    return 0;
}

static int take_field(struct form *f, const struct multipart_part *part, struct err *e)
{
    if (check_name(f, part->name, e) < 0)
        return -1;
    if (strcmp(part->name, "language") == 0 && part->len == 0)
        return 0;
    if (strcmp(part->name, "source") == 0)
        memcpy(f->source_name, part->filename, sizeof f->source_name);
    struct form_field *field = &f->fields[f->len++];
    memcpy(field->name, part->name, sizeof field->name);
    field->data = part->data;
    field->len = part->len;
    return 0;
}

static int take_parts(struct form *f, struct multipart *m, struct err *e)
{
    struct multipart_part part;
    int more;

    while ((more = multipart_next(m, &part, e)) > 0) {
        bool is_test =
            strcmp(part.name, "tests") == 0 && part.is_file && !ends_with(part.filename, ".json");
        if ((is_test ? take_test_file : take_field)(f, &part, e) < 0)
            return -1;
    }
    return more;
}

/* ---- what follows from them ---- */

static bool has_field(const struct form *f, const char *name)
{
    for (size_t i = 0; i < f->len; i++) {
        if (strcmp(f->fields[i].name, name) == 0 ||
            is_in_group(f->fields[i].name, name, strlen(name)))
            return true;
    }
    return false;
}

static int choose_language(struct form *f, struct err *e)
{
    if (has_field(f, "language") || *f->source_name == '\0')
        return 0;
    if (suffix_language(f->rules->languages, f->rules->languages_ctx, f->source_name,
                        "in the field language", &f->language, e) < 0)
        return blame_field(f, "language", e);
    return 0;
}

static int pair_tests(struct form *f, struct err *e)
{
    if (!f->has_test_files)
        return 0;
    if (has_field(f, "tests"))
        return refuse_form_field(f, "tests", "is given as files and as text", e);
    return testset_make(&f->tests, e) < 0 ? blame_field(f, "tests", e) : 0;
}

/* ---- writing ---- */

static bool is_text_field(const char *name)
{
    static const char *const texts[] = { "id", "type", "language", "source", "owner" };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (strcmp(name, texts[i]) == 0)
            return true;
    }
    return is_in_group(name, "labels", strlen("labels"));
}

/* Writes it as it is. False: it is none, and *e says why. */
static bool write_json(const struct form *f, const char *data, size_t len, struct writer *w,
                       struct err *e)
{
    const struct submission_rules *r = f->rules->submission;
    struct reader reader;
    size_t bom = len >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

    int rc = reader_load(data + bom, len - bom, r->max_depth, submission_values_max(r), &reader, e);
    reader_clear(&reader);
    if (rc < 0)
        return false;
    writer_raw(w, data + bom, len - bom);
    return true;
}

static int write_field(struct form *f, const struct form_field *v, struct writer *w, struct err *e)
{
    if (!is_text_field(v->name)) {
        if (v->len == 0) {
            writer_null(w);
            return 0;
        }
        if (write_json(f, v->data, v->len, w, e))
            return 0;
        if (e->kind == ERR_NOMEM)
            return -1;
        if (v->data[0] == '{' || v->data[0] == '[') {
            const struct err why = *e;
            return refuse_form_field(f, v->name, why.msg, e);
        }
    }
    bool is_utf8 = text_is_utf8(v->data, v->len);
    if (!is_utf8 && is_text_field(v->name))
        return refuse_form_field(f, v->name, "is no text in UTF-8", e);
    if (is_utf8)
        writer_text(w, v->data, v->len);
    else /* whatever the field is, it is not that: but it may have another name, too */
        writer_base64(w, v->data, v->len);
    return 0;
}

static void write_name(struct writer *w, const char *name, size_t len)
{
    writer_text(w, name, len);
    writer_raw(w, ":", 1);
}

/* The object whose members begin with the i-th field. */
static int write_group(struct form *f, size_t i, struct writer *w, struct err *e)
{
    const char *first = f->fields[i].name;
    size_t len = group_len(first);

    write_name(w, first, len);
    writer_begin(w, '{');
    for (; i < f->len; i++) {
        const char *name = f->fields[i].name;
        if (!is_in_group(name, first, len))
            continue;
        write_name(w, name + len + 1, strlen(name + len + 1));
        if (write_field(f, &f->fields[i], w, e) < 0)
            return -1;
    }
    writer_end(w, '}');
    return 0;
}

static bool is_first_of_group(const struct form *f, size_t i)
{
    const char *name = f->fields[i].name;

    for (size_t k = 0; k < i; k++) {
        if (is_in_group(f->fields[k].name, name, group_len(name)))
            return false;
    }
    return true;
}

static int write_fields(struct form *f, struct writer *w, struct err *e)
{
    for (size_t i = 0; i < f->len; i++) {
        const struct form_field *v = &f->fields[i];
        int rc = 0;
        if (group_len(v->name) == 0) {
            write_name(w, v->name, strlen(v->name));
            rc = write_field(f, v, w, e);
        } else if (is_first_of_group(f, i)) {
            rc = write_group(f, i, w, e);
        }
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* In base64 where that is shorter, too: a control character would become six. Frees the bytes. */
static void write_bytes(struct writer *w, const char *name, const char *name_base64,
                        struct bytes *b)
{
    size_t base64 = (b->len + 2) / 3 * 4 + 2;

    if (text_is_utf8(b->data, b->len) && writer_text_size(b->data, b->len) <= base64) {
        writer_key(w, name);
        writer_text(w, b->data, b->len);
    } else {
        writer_key(w, name_base64);
        writer_base64(w, b->data, b->len);
    }
    bytes_clear(b);
}

static void write_tests(struct form *f, struct writer *w)
{
    writer_key(w, "tests");
    writer_begin(w, '[');
    for (size_t i = 0; i < f->tests.len; i++) {
        const struct testset_pair *p = &f->tests.pairs[i];
        writer_begin(w, '{');
        writer_key(w, "number");
        writer_number(w, (int64_t)i + 1);
        write_bytes(w, "input", "input_base64", &p->input->bytes);
        write_bytes(w, "expected_output", "expected_output_base64", &p->answer->bytes);
        writer_end(w, '}');
    }
    writer_end(w, ']');
}

static int write_form(struct form *f, struct bytes *ret_json, struct err *e)
{
    struct writer w = { .failed = false };

    writer_begin(&w, '{');
    if (f->language) {
        writer_key(&w, "language");
        writer_word(&w, f->language);
    }
    if (write_fields(f, &w, e) < 0) {
        writer_clear(&w);
        return -1;
    }
    if (f->has_test_files)
        write_tests(f, &w);
    writer_end(&w, '}');
    return writer_take(&w, &ret_json->data, &ret_json->len) < 0
               ? err_set(e, ERR_NOMEM, "read a form")
               : 0;
}

int form_to_json(const char *content_type, const struct bytes *body, const struct form_rules *rules,
                 struct bytes *ret_json, struct field_errors *p, struct err *e)
{
    struct form f = { .rules = rules,
                      .wrong = { .errors = p },
                      .bounds = { .files = FILES_PER_TEST * (size_t)rules->submission->max_tests,
                                  .bytes = rules->most,
                                  .wants = testset_wants,
                                  .hold = rules->hold,
                                  .ctx = rules->hold_ctx } };
    struct multipart m;
    int rc = -1;

    *p = (struct field_errors){ .len = 0 };
    f.fields = calloc(FORM_FIELDS_MAX, sizeof *f.fields);
    if (!f.fields)
        return err_set(e, ERR_NOMEM, "read a form");
    if (multipart_open(content_type, body->data, body->len, &m, e) == 0 &&
        take_parts(&f, &m, e) == 0 && choose_language(&f, e) == 0 && pair_tests(&f, e) == 0)
        rc = write_form(&f, ret_json, e);
    testset_clear(&f.tests);
    free(f.fields);
    return rc;
}
