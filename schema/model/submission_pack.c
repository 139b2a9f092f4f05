#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/json/writer.h"
#include "schema/model/submission.h"

/* A text of the stored form is one of
 *     "plain"              shorter than SUBMISSION_INLINE_MAX and UTF-8
 *     {"base64": "..."}    shorter, any bytes
 *     {"hash": "<hex>"}    kept aside */
static void pack_text(struct writer *e, struct submission_packed *p, const struct bytes *b)
{
    if (b->len < SUBMISSION_INLINE_MAX && text_is_utf8(b->data, b->len)) {
        writer_text(e, b->data, b->len);
        return;
    }

    writer_begin(e, '{');
    if (b->len < SUBMISSION_INLINE_MAX) {
        writer_key(e, "base64");
        writer_base64(e, b->data, b->len);
    } else {
        struct blob_ref *ref = &p->blobs[p->blobs_len++];
        *ref = (struct blob_ref){ .data = b->data, .len = b->len };
        text_hash(b->data, b->len, ref->hash);
        writer_key(e, "hash");
        writer_hex(e, ref->hash, sizeof ref->hash);
    }
    writer_end(e, '}');
}

/* Numbers that say nothing are left out: a small row is a fast row. */
static void pack_number(struct writer *e, const char *name, int64_t number)
{
    if (number == 0)
        return;
    writer_key(e, name);
    writer_number(e, number);
}

/* Null beside one that is given: in rows of the first versions an absent one means
 * CHECKER_TOLERANCE then. */
static void pack_tolerances(struct writer *e, const struct checker *c)
{
    const struct {
        const char *name;
        double tolerance;
    } rows[] = { { "absolute_tolerance", c->absolute_tolerance },
                 { "relative_tolerance", c->relative_tolerance } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].tolerance < 0 && rows[1 - i].tolerance < 0)
            continue;
        writer_key(e, rows[i].name);
        if (rows[i].tolerance < 0)
            writer_null(e);
        else
            writer_real(e, rows[i].tolerance);
    }
}

static void pack_checker(struct writer *e, const struct submission *s)
{
    writer_key(e, "checker");
    writer_begin(e, '{');
    writer_key(e, "name");
    writer_word(e, checker_kind_name(s->checker.kind));
    writer_key(e, "case_sensitive");
    writer_bool(e, s->checker.case_sensitive);
    pack_tolerances(e, &s->checker);
    writer_key(e, "given");
    writer_bool(e, s->checker_given);
    writer_end(e, '}');
}

static void pack_tests(struct writer *e, struct submission_packed *p, const struct submission *s)
{
    writer_key(e, "tests");
    writer_begin(e, '[');
    for (size_t i = 0; i < s->tests_len; i++) {
        writer_begin(e, '{');
        writer_key(e, "number");
        writer_number(e, s->tests[i].number);
        writer_key(e, "input");
        pack_text(e, p, &s->tests[i].input);
        writer_key(e, "expected_output");
        pack_text(e, p, &s->tests[i].expected);
        writer_end(e, '}');
    }
    writer_end(e, ']');
}

static void pack_all(struct writer *e, struct submission_packed *p, const struct submission *s)
{
    writer_begin(e, '{');
    if (s->id) {
        writer_key(e, "id");
        writer_word(e, s->id);
    }
    writer_key(e, "language");
    writer_word(e, s->language);
    writer_key(e, "source");
    pack_text(e, p, &s->source);
    pack_number(e, "time_limit_ms", s->limits.time_ms);
    pack_number(e, "wall_time_limit_ms", s->limits.wall_ms);
    pack_number(e, "memory_limit_bytes", s->limits.memory_bytes);
    pack_checker(e, s);
    writer_key(e, "stop_on_failure");
    writer_bool(e, s->stop_on_failure);
    pack_tests(e, p, s);
    if (s->id) {
        writer_key(e, "hash");
        writer_hex(e, s->hash, sizeof s->hash);
    }
    writer_end(e, '}');
}

int submission_pack(const struct submission *s, struct submission_packed *ret_packed, struct err *e)
{
    struct submission_packed p = { 0 };
    struct writer out = { 0 };

    p.blobs = calloc(1 + 2 * s->tests_len, sizeof *p.blobs);
    if (!p.blobs)
        return err_set(e, ERR_NOMEM, "pack a submission");
    writer_reserve(&out, 512 + (s->source.len < SUBMISSION_INLINE_MAX ? s->source.len : 0));
    pack_all(&out, &p, s);
    if (writer_take(&out, &p.json, &p.json_len) < 0) {
        submission_packed_clear(&p);
        return err_set(e, ERR_NOMEM, "pack a submission");
    }
    *ret_packed = p;
    return 0;
}
