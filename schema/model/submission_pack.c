#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/json/writer.h"
#include "schema/model/submission.h"

/* A text of the stored form is one of
 *     "plain"              shorter than SUBMISSION_INLINE_MAX and UTF-8
 *     {"base64": "..."}    shorter, any bytes
 *     {"hash": "<hex>"}    a blob */
static void pack_text(struct writer *w, struct submission_packed *p, const struct bytes *b)
{
    if (b->len < SUBMISSION_INLINE_MAX && text_is_utf8(b->data, b->len)) {
        writer_text(w, b->data, b->len);
        return;
    }

    writer_begin(w, '{');
    if (b->len < SUBMISSION_INLINE_MAX) {
        writer_key(w, "base64");
        writer_base64(w, b->data, b->len);
    } else {
        struct blob_ref *ref = &p->blobs[p->blobs_len++];
        *ref = (struct blob_ref){ .data = b->data, .len = b->len };
        text_hash(b->data, b->len, ref->hash);
        writer_key(w, "hash");
        writer_hex(w, ref->hash, sizeof ref->hash);
    }
    writer_end(w, '}');
}

/* The text itself if the language names the file, as in rows of earlier versions; else an array of
 * {name, text}, which earlier versions refuse to read. */
static void pack_source(struct writer *w, struct submission_packed *p, const struct source_tree *t)
{
    writer_key(w, "source");
    if (source_tree_is_plain(t)) {
        pack_text(w, p, &t->files[0].bytes);
        return;
    }
    writer_begin(w, '[');
    for (size_t i = 0; i < t->len; i++) {
        writer_begin(w, '{');
        if (t->files[i].name) {
            writer_key(w, "name");
            writer_word(w, t->files[i].name);
        }
        writer_key(w, "text");
        pack_text(w, p, &t->files[i].bytes);
        writer_end(w, '}');
    }
    writer_end(w, ']');
}

/* A 0 is left out, to keep rows small. */
static void pack_number(struct writer *w, const char *name, int64_t number)
{
    if (number == 0)
        return;
    writer_key(w, name);
    writer_number(w, number);
}

static void pack_limits(struct writer *w, const struct limits *l)
{
    pack_number(w, "time_limit_ms", l->time_ms);
    pack_number(w, "wall_time_limit_ms", l->wall_ms);
    pack_number(w, "memory_limit_bytes", l->memory_bytes);
}

/* If only one is given the other is null, not absent: in rows of the first versions an absent one
 * beside a given one means CHECKER_TOLERANCE. */
static void pack_tolerances(struct writer *w, const struct checker *c)
{
    const struct {
        const char *name;
        double tolerance;
    } rows[] = { { "absolute_tolerance", c->absolute_tolerance },
                 { "relative_tolerance", c->relative_tolerance } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].tolerance < 0 && rows[1 - i].tolerance < 0)
            continue;
        writer_key(w, rows[i].name);
        if (rows[i].tolerance < 0)
            writer_null(w);
        else
            writer_real(w, rows[i].tolerance);
    }
}

static void pack_checker(struct writer *w, const struct submission *s)
{
    writer_key(w, "checker");
    writer_begin(w, '{');
    writer_key(w, "name");
    writer_word(w, checker_kind_name(s->checker.kind));
    writer_key(w, "case_sensitive");
    writer_bool(w, s->checker.case_sensitive);
    pack_tolerances(w, &s->checker);
    writer_key(w, "given");
    writer_bool(w, s->checker_given);
    writer_end(w, '}');
}

static void pack_tests(struct writer *w, struct submission_packed *p, const struct submission *s)
{
    writer_key(w, "tests");
    writer_begin(w, '[');
    for (size_t i = 0; i < s->tests_len; i++) {
        writer_begin(w, '{');
        writer_key(w, "number");
        writer_number(w, s->tests[i].number);
        writer_key(w, "input");
        pack_text(w, p, &s->tests[i].input);
        writer_key(w, "expected_output");
        pack_text(w, p, &s->tests[i].expected);
        writer_end(w, '}');
    }
    writer_end(w, ']');
}

static void pack_origin(struct writer *w, const struct submission *s)
{
    if (s->door != SUBMISSION_NO_DOOR) {
        writer_key(w, "door");
        writer_word(w, submission_door_name(s->door));
    }
    if (s->traceparent[0]) {
        writer_key(w, TRACEPARENT_NAME);
        writer_word(w, s->traceparent);
    }
}

static void pack_all(struct writer *w, struct submission_packed *p, const struct submission *s)
{
    writer_begin(w, '{');
    if (s->id) {
        writer_key(w, "id");
        writer_word(w, s->id);
    }
    writer_key(w, "language");
    writer_word(w, s->language);
    if (s->owner) {
        writer_key(w, "owner");
        writer_word(w, s->owner);
    }
    pack_number(w, "priority", s->priority);
    if (s->labels) {
        writer_key(w, "labels");
        writer_word(w, s->labels);
    }
    pack_source(w, p, &s->source);
    pack_limits(w, &s->limits);
    writer_key(w, "in_force");
    writer_begin(w, '{');
    pack_limits(w, &s->in_force);
    writer_end(w, '}');
    pack_checker(w, s);
    writer_key(w, "stop_on_failure");
    writer_bool(w, s->stop_on_failure);
    pack_tests(w, p, s);
    if (s->id) {
        writer_key(w, "hash");
        writer_hex(w, s->hash, sizeof s->hash);
    }
    pack_origin(w, s);
    writer_end(w, '}');
}

int submission_pack(const struct submission *s, struct submission_packed *ret_packed, struct err *e)
{
    struct submission_packed p = { 0 };
    struct writer out = { 0 };

    p.blobs = calloc(s->source.len + 2 * s->tests_len, sizeof *p.blobs);
    if (!p.blobs)
        return err_set(e, ERR_NOMEM, "pack a submission");
    size_t source = source_tree_size(&s->source);
    writer_reserve(&out, 512 + (source < SUBMISSION_INLINE_MAX ? source : 0));
    pack_all(&out, &p, s);
    if (writer_take(&out, &p.json, &p.json_len) < 0) {
        submission_packed_clear(&p);
        return err_set(e, ERR_NOMEM, "pack a submission");
    }
    *ret_packed = p;
    return 0;
}
