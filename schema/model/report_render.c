#include <string.h>

#include "schema/base/err.h"
#include "schema/json/writer.h"
#include "schema/model/report.h"

/* A stored report was written by report_encode(): valid, compact, keys without escapes. So it needs
 * no parser: we go from member to member and copy most values unchanged. */
struct json_walk {
    const char *at, *end;
    bool damaged;
};

struct member {
    const char *key, *value;
    size_t key_len, value_len;
};

struct render {
    struct writer out;
    const struct report_view *view;
    const struct submission *s; /* NULL: its texts are not wanted */
    bool has_tests;
    bool hides_texts; /* leave out what can show the tests' texts */
};

/* Returns the position behind the closing quote of the string that starts at p, or end. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\')
            p++;
    }
    return p < end ? p + 1 : end;
}

/* Returns the position behind the value that starts at p: of the next comma or bracket. */
static const char *skip_value(const char *p, const char *end)
{
    int depth = 0;

    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        if (*p == '{' || *p == '[')
            depth++;
        else if (depth == 0 && strchr(",}]", *p))
            break;
        else if (*p == '}' || *p == ']')
            depth--;
        p++;
    }
    return p;
}

/* w is at the '{' of an object, or behind one of its members. False at the object's end, with w
 * behind the '}'. */
static bool next_member(struct json_walk *w, struct member *ret_member)
{
    bool first = w->at < w->end && *w->at == '{';

    if (first && w->at + 1 < w->end && w->at[1] == '}')
        w->at++;
    if (w->at < w->end && *w->at == '}') {
        w->at++;
        return false;
    }
    if (w->end - w->at < 2 || (!first && *w->at != ',') || w->at[1] != '"') {
        w->damaged = true;
        return false;
    }

    struct member m = { .key = w->at + 2 };
    const char *colon = skip_string(w->at + 1, w->end);
    if (colon >= w->end || *colon != ':') {
        w->damaged = true;
        return false;
    }
    m.key_len = (size_t)(colon - 1 - m.key);
    m.value = colon + 1;
    w->at = skip_value(m.value, w->end);
    m.value_len = (size_t)(w->at - m.value);
    *ret_member = m;
    return true;
}

static bool is_key(const struct member *m, const char *name)
{
    return strlen(name) == m->key_len && memcmp(name, m->key, m->key_len) == 0;
}

static bool is_value(const struct member *m, const char *json)
{
    return strlen(json) == m->value_len && memcmp(json, m->value, m->value_len) == 0;
}

static bool is_selected(const struct report_view *v, const struct member *m)
{
    if (!v->fields)
        return true;
    for (const char *const *name = v->fields; *name; name++) {
        if (is_key(m, *name))
            return true;
    }
    return false;
}

/* Writes the consumer's word for a verdict such as "WA"; another value is copied. */
static void render_status(struct render *r, const struct member *m, bool has_tests)
{
    char name[8] = "";
    enum verdict v;

    if (m->value_len > 2 && m->value_len - 2 < sizeof name)
        memcpy(name, m->value + 1, m->value_len - 2);
    if (verdict_from_name(name, &v))
        writer_word(&r->out, verdict_status(v, r->view->set, has_tests));
    else
        writer_raw(&r->out, m->value, m->value_len);
}

static void render_key(struct render *r, const struct member *m)
{
    char key[32] = "";

    if (m->key_len < sizeof key)
        memcpy(key, m->key, m->key_len);
    writer_key(&r->out, key);
}

/* Writes an empty value for a member that can show a test's input or expected output. False: it is
 * not such a member, and nothing was written. */
static bool render_hidden(struct render *r, const struct member *m)
{
    static const char *const texts[] = { "stdout", "stderr" };
    static const char *const details[] = { "stdout_base64", "stderr_base64", "stdout_gap",
                                           "first_difference" };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (is_key(m, texts[i])) {
            writer_text(&r->out, "", 0);
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(details); i++) {
        if (is_key(m, details[i])) {
            writer_null(&r->out);
            return true;
        }
    }
    return false;
}

/* The i-th test of the report is the i-th of the submission. */
static void render_test(struct render *r, struct json_walk *w, const struct test *t)
{
    struct member m;

    writer_begin(&r->out, '{');
    while (next_member(w, &m)) {
        render_key(r, &m);
        if (is_key(&m, "status"))
            render_status(r, &m, true);
        else if (t && is_key(&m, "input"))
            writer_text(&r->out, t->input.data, t->input.len);
        else if (t && is_key(&m, "expected_output"))
            writer_text(&r->out, t->expected.data, t->expected.len);
        else if (!r->hides_texts || !render_hidden(r, &m))
            writer_raw(&r->out, m.value, m.value_len);
    }
    writer_end(&r->out, '}');
}

static void render_tests(struct render *r, struct json_walk *report, const struct member *tests)
{
    struct json_walk w = { .at = tests->value + 1, .end = tests->value + tests->value_len };

    writer_begin(&r->out, '[');
    for (size_t i = 0; w.at < w.end && *w.at == '{' && !w.damaged; i++) {
        render_test(r, &w, r->s && i < r->s->tests_len ? &r->s->tests[i] : NULL);
        if (w.at < w.end && *w.at == ',')
            w.at++;
    }
    writer_end(&r->out, ']');
    report->damaged |= w.damaged || w.at + 1 != w.end || *w.at != ']';
}

static void render_members(struct render *r, struct json_walk *w)
{
    struct member m;

    writer_begin(&r->out, '{');
    while (next_member(w, &m)) {
        /* BF: no test has run, so the texts are the compiler's. "status" comes before them. */
        if (is_key(&m, "status") && is_value(&m, "\"BF\""))
            r->hides_texts = false;
        if (!is_selected(r->view, &m))
            continue;
        render_key(r, &m);
        if (is_key(&m, "status"))
            render_status(r, &m, r->has_tests);
        else if (is_key(&m, "tests"))
            render_tests(r, w, &m);
        else if (r->view->id && is_key(&m, "id"))
            writer_word(&r->out, r->view->id);
        else if (!r->hides_texts || !render_hidden(r, &m))
            writer_raw(&r->out, m.value, m.value_len);
    }
    writer_end(&r->out, '}');
    w->damaged |= w->at != w->end;
}

static size_t texts_size(const struct submission *s)
{
    size_t size = 0;
    for (size_t i = 0; s && i < s->tests_len; i++)
        size += s->tests[i].input.len + s->tests[i].expected.len;
    return size;
}

bool report_traceparent(const char *stored, size_t stored_len, char out[TRACEPARENT_SIZE])
{
    /* In a string the quotes would be escaped, so a match is the member. */
    static const char key[] = "\"" TRACEPARENT_NAME "\":\"";
    const char *at = memmem(stored, stored_len, key, sizeof key - 1);

    out[0] = '\0';
    if (!at)
        return false;
    at += sizeof key - 1;
    const char *end = memchr(at, '"', (size_t)(stored + stored_len - at));
    return end && traceparent_read(at, (size_t)(end - at), out);
}

int report_render(const char *stored, size_t stored_len, const struct report_view *view,
                  char **ret_json, size_t *ret_len, struct err *e)
{
    /* In a string the quotes would be escaped, so a match is the member. */
    static const char no_tests[] = "\"tests\":[]";
    struct json_walk w = { .at = stored, .end = stored + stored_len };
    struct render r = { .view = view, .s = view->test_io ? view->submission : NULL };

    r.has_tests = !memmem(stored, stored_len, no_tests, sizeof no_tests - 1);
    r.hides_texts = r.has_tests && !view->test_io;
    bool texts = r.s && r.s->tests_len > 0 && r.has_tests;
    writer_reserve(&r.out, stored_len + (texts ? texts_size(r.s) : 0));
    if (view->set == STATUS_SET_SCRC || view->fields || view->id || texts || r.hides_texts)
        render_members(&r, &w);
    else
        writer_raw(&r.out, stored, stored_len);

    if (w.damaged) {
        writer_clear(&r.out);
        return err_set(e, ERR_BUG, "a stored report is damaged at byte %zu",
                       (size_t)(w.at - stored));
    }
    if (writer_take(&r.out, ret_json, ret_len) < 0)
        return err_set(e, ERR_NOMEM, "render a report");
    return 0;
}
