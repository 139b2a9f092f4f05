#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/json/emit.h"
#include "schema/model/submission.h"

/* A text of the stored form is one of
 *     "plain"              shorter than SUBMISSION_INLINE_MAX and UTF-8
 *     {"base64": "..."}    shorter, any bytes
 *     {"hash": "<hex>"}    kept aside */
static void pack_text(struct emit *e, struct submission_packed *p, const struct bytes *b)
{
    if (b->len < SUBMISSION_INLINE_MAX && text_is_utf8(b->data, b->len)) {
        emit_text(e, b->data, b->len);
        return;
    }

    emit_begin(e, '{');
    if (b->len < SUBMISSION_INLINE_MAX) {
        emit_key(e, "base64");
        emit_base64(e, b->data, b->len);
    } else {
        struct text_ref *ref = &p->texts[p->texts_len++];
        *ref = (struct text_ref){ .data = b->data, .len = b->len };
        text_hash(b->data, b->len, ref->hash);
        emit_key(e, "hash");
        emit_hex(e, ref->hash, sizeof ref->hash);
    }
    emit_end(e, '}');
}

/* Numbers that say nothing are left out: a small row is a fast row. */
static void pack_number(struct emit *e, const char *name, int64_t number)
{
    if (number == 0)
        return;
    emit_key(e, name);
    emit_number(e, number);
}

/* Null beside one that is given: in rows of the first versions an absent one means
 * CHECKER_TOLERANCE then. */
static void pack_tolerances(struct emit *e, const struct checker *c)
{
    const struct {
        const char *name;
        double tolerance;
    } rows[] = { { "absolute_tolerance", c->absolute_tolerance },
                 { "relative_tolerance", c->relative_tolerance } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].tolerance < 0 && rows[1 - i].tolerance < 0)
            continue;
        emit_key(e, rows[i].name);
        if (rows[i].tolerance < 0)
            emit_null(e);
        else
            emit_real(e, rows[i].tolerance);
    }
}

static void pack_checker(struct emit *e, const struct submission *s)
{
    emit_key(e, "checker");
    emit_begin(e, '{');
    emit_key(e, "name");
    emit_word(e, checker_kind_name(s->checker.kind));
    emit_key(e, "case_sensitive");
    emit_bool(e, s->checker.case_sensitive);
    pack_tolerances(e, &s->checker);
    emit_key(e, "given");
    emit_bool(e, s->checker_given);
    emit_end(e, '}');
}

static void pack_tests(struct emit *e, struct submission_packed *p, const struct submission *s)
{
    emit_key(e, "tests");
    emit_begin(e, '[');
    for (size_t i = 0; i < s->tests_len; i++) {
        emit_begin(e, '{');
        emit_key(e, "number");
        emit_number(e, s->tests[i].number);
        emit_key(e, "input");
        pack_text(e, p, &s->tests[i].input);
        emit_key(e, "expected_output");
        pack_text(e, p, &s->tests[i].expected);
        emit_end(e, '}');
    }
    emit_end(e, ']');
}

static void pack_all(struct emit *e, struct submission_packed *p, const struct submission *s)
{
    emit_begin(e, '{');
    if (s->id) {
        emit_key(e, "id");
        emit_word(e, s->id);
    }
    emit_key(e, "language");
    emit_word(e, s->language);
    emit_key(e, "source");
    pack_text(e, p, &s->source);
    pack_number(e, "time_limit_ms", s->limits.time_ms);
    pack_number(e, "wall_time_limit_ms", s->limits.wall_ms);
    pack_number(e, "memory_limit_bytes", s->limits.memory_bytes);
    pack_checker(e, s);
    emit_key(e, "stop_on_failure");
    emit_bool(e, s->stop_on_failure);
    pack_tests(e, p, s);
    if (s->id) {
        emit_key(e, "hash");
        emit_hex(e, s->hash, sizeof s->hash);
    }
    emit_end(e, '}');
}

int submission_pack(const struct submission *s, struct submission_packed *ret_packed, struct err *e)
{
    struct submission_packed p = { 0 };
    struct emit out = { 0 };

    p.texts = calloc(1 + 2 * s->tests_len, sizeof *p.texts);
    if (!p.texts)
        return err_set(e, ERR_NOMEM, "pack a submission");
    emit_reserve(&out, 512 + (s->source.len < SUBMISSION_INLINE_MAX ? s->source.len : 0));
    pack_all(&out, &p, s);
    if (emit_take(&out, &p.json, &p.json_len) < 0) {
        submission_packed_clear(&p);
        return err_set(e, ERR_NOMEM, "pack a submission");
    }
    *ret_packed = p;
    return 0;
}
