/* Forms, as the JSON that means the same; what curl and the server make of them is in
 * tests/integration/test_form.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/json/field_errors.h"
#include "server/api/form.h"
#include "server/http/multipart.h"
#include "tests/support/sample.h"

#define TYPE "multipart/form-data; boundary=b"

static bool two_languages(const void *ctx, size_t i, struct suffix_row *ret_row)
{
    static const struct suffix_row rows[] = { { "c", "main.c" }, { "python", "script.py" } };

    (void)ctx;
    if (i >= ARRAY_LEN(rows))
        return false;
    *ret_row = rows[i];
    return true;
}

static int hold(void *ctx, size_t more, struct err *e)
{
    size_t *left = ctx;

    if (more > *left)
        return err_set(e, ERR_UNAVAILABLE, "too much at once");
    *left -= more;
    return 0;
}

struct part {
    const char *name, *filename, *text; /* filename NULL: no file; name NULL ends a list */
};

static void write_body(const struct part *parts, struct buf *out)
{
    for (; parts->name; parts++) {
        assert_int_equal(
            buf_printf(out, "--b\r\nContent-Disposition: form-data; name=\"%s\"", parts->name), 0);
        if (parts->filename)
            assert_int_equal(buf_printf(out, "; filename=\"%s\"", parts->filename), 0);
        assert_int_equal(buf_printf(out, "\r\n\r\n%s\r\n", parts->text), 0);
    }
    assert_int_equal(buf_printf(out, "--b--\r\n"), 0);
}

/* json NULL: it is refused, for this. */
static void assert_form(const struct part *parts, size_t held, const char *json, enum err_kind kind,
                        const char *says)
{
    const struct form_rules rules = { .submission = &sample_rules,
                                      .most = 1000,
                                      .languages = two_languages,
                                      .hold = hold,
                                      .hold_ctx = &held };
    struct buf text = { .data = NULL };
    struct field_errors p;
    struct bytes got = { .data = NULL };
    struct err e;

    write_body(parts, &text);
    const struct bytes body = { .data = text.data, .len = text.len };
    int rc = form_to_json(TYPE, &body, &rules, &got, &p, &e);
    if (json) {
        if (rc < 0)
            fail_msg("%s", e.msg);
        assert_string_equal(got.data, json);
        assert_int_equal(got.len, strlen(json));
    } else {
        assert_int_equal(rc, -1);
        assert_int_equal(e.kind, kind);
        assert_string_equal(e.msg, says);
        assert_int_equal(p.len, kind == ERR_INPUT);
    }
    bytes_clear(&got);
    field_errors_clear(&p);
    buf_clear(&text);
}

static void fields_are_those_of_the_document(void **state)
{
    static const struct {
        struct part parts[5];
        const char *json;
    } cases[] = {
        { { { NULL } }, "{}" },
        { { { "id", NULL, "5" } }, "{\"id\":\"5\"}" },
        { { { "priority", NULL, "5" } }, "{\"priority\":5}" },
        { { { "priority", NULL, "" } }, "{\"priority\":null}" },
        { { { "language", NULL, "" } }, "{}" },
        { { { "source", NULL, "" } }, "{\"source\":\"\"}" },
        { { { "stop_on_failure", NULL, "false" } }, "{\"stop_on_failure\":false}" },
        { { { "checker", NULL, "lines" } }, "{\"checker\":\"lines\"}" },
        { { { "checker", NULL, "{\"name\": \"lines\"}" } }, "{\"checker\":{\"name\": \"lines\"}}" },
        { { { "labels.n", NULL, "1" }, { "id", NULL, "x" }, { "labels.m", NULL, "" } },
          "{\"labels\":{\"n\":\"1\",\"m\":\"\"},\"id\":\"x\"}" },
        { { { "limits.a.b", NULL, "1" } }, "{\"limits\":{\"a.b\":1}}" },
        { { { "a%22b", NULL, "1" }, { ".x", NULL, "2" } }, "{\"a\\\"b\":1,\".x\":2}" },
        { { { "x", NULL, "1,\"y\":2" } }, "{\"x\":\"1,\\\"y\\\":2\"}" },
        { { { "x", NULL, "\xff" } }, "{\"x\":\"/w==\"}" },
        { { { "x", NULL, "\xEF\xBB\xBF[]" } }, "{\"x\":[]}" },
        { { { "source", "a/b.py", "p" } }, "{\"language\":\"python\",\"source\":\"p\"}" },
        { { { "language", NULL, "c" }, { "source", "b.py", "p" } },
          "{\"language\":\"c\",\"source\":\"p\"}" },
        { { { "tests", "", "" } }, "{}" },
        { { { "tests", "t.json", "[]" } }, "{\"tests\":[]}" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_form(cases[i].parts, 0, cases[i].json, ERR_NONE, NULL);
}

static void tests_are_numbered_and_keep_their_bytes(void **state)
{
    const struct part parts[] = { { "tests", "10.in", "x" },
                                  { "tests", "2.ans", "\xff" },
                                  { "tests", "a/10.out", "" },
                                  { "tests", "2.in", "\1\1\1" },
                                  { "tests", "a/10.in", "\"a\"\n" },
                                  { "tests", "10.ans", "y" },
                                  { NULL, NULL, NULL } };

    (void)state;
    assert_form(parts, 11,
                "{\"tests\":["
                "{\"number\":1,\"input_base64\":\"AQEB\",\"expected_output_base64\":\"/w==\"},"
                "{\"number\":2,\"input\":\"x\",\"expected_output\":\"y\"},"
                "{\"number\":3,\"input\":\"\\\"a\\\"\\n\",\"expected_output\":\"\"}]}",
                ERR_NONE, NULL);
    assert_form(parts, 9, NULL, ERR_UNAVAILABLE, "10.ans: too much at once");
}

static void what_is_wrong_names_its_field(void **state)
{
    static const struct {
        struct part parts[4];
        const char *says;
    } cases[] = {
        { { { "id", NULL, "1" }, { "id", NULL, "1" } }, "/id: is given twice" },
        { { { "limits", NULL, "{}" }, { "limits.x", NULL, "1" } },
          "/limits/x: is given as a whole and in parts" },
        { { { "limits.x", NULL, "1" }, { "limits", NULL, "{}" } },
          "/limits: is given as a whole and in parts" },
        { { { "labels.a/b", NULL, "\xff" } }, "/labels/a~1b: is no text in UTF-8" },
        { { { "source", "x.rs", "" } },
          "/language: x.rs: no language has this suffix; say which in the field language: "
          "c (.c), python (.py)" },
        { { { "tests", "s/3.in", "" } }, "/tests: s/3.in has no answer (s/3.ans or .out)" },
        { { { "tests", "../3.in", "" } }, "/tests: ../3.in: its path leads out of the archive" },
        { { { "tests", "3.txt", "" } },
          "/tests: 3.txt: it is no zip archive, and no .in, .ans or .out file" },
        { { { "tests", "3.zip", "PK\3\4" } }, "/tests: 3.zip: Not a zip archive" },
        { { { "tests", "1.in", "" }, { "tests", NULL, "[]" } },
          "/tests: is given as files and as text" },
        { { { "tests", "1.in", "" }, { "tests.x", NULL, "1" } },
          "/tests: is given as files and as text" },
        { { { "limits", NULL, "{" } },
          "/limits: not JSON: line 1, byte 1: string or '}' expected near end of file" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_form(cases[i].parts, 1000, NULL, ERR_INPUT, cases[i].says);
}

/* ---- the parts themselves ---- */

static void names_are_unquoted(void **state)
{
    static const struct {
        const char *params, *name, *filename;
    } cases[] = {
        { "name=a", "a", NULL },
        { "NAME=\"a;b\" ; FileName=c", "a;b", "c" },
        { "filename=\"name=x\"; name=\"y\"", "y", "name=x" },
        { "name=\"a\\\"b\\\\c%22d%0D%0ae%25\"", "a\"b\\c\"d\r\ne%25", NULL },
        { "name=\"\"; filename*=UTF-8''x; filename=\"\"", "", "" },
        { "x=\"\\\";name=no\"; name=yes", "yes", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct multipart_part part;
        struct multipart m;
        char body[300];
        struct err e;
        int len =
            snprintf(body, sizeof body,
                     "--b\r\nContent-Disposition: form-data; %s\r\n\r\n\r\n--b--", cases[i].params);
        assert_int_equal(multipart_open(TYPE, body, (size_t)len, &m, &e), 0);
        if (multipart_next(&m, &part, &e) != 1)
            fail_msg("%s: %s", cases[i].params, e.msg);
        assert_string_equal(part.name, cases[i].name);
        assert_int_equal(part.is_file, cases[i].filename != NULL);
        assert_string_equal(part.filename, cases[i].filename ? cases[i].filename : "");
        assert_int_equal(part.len, 0);
        assert_int_equal(multipart_next(&m, &part, &e), 0);
    }
}

/* Every beginning of a form is refused as one that is cut off. */
static void a_beginning_is_no_form(void **state)
{
    static const char body[] = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
                               "--bb\r\n--b \t\r\nContent-Disposition: form-data; name=b\r\n"
                               "\r\n\r\n--b--";
    struct multipart_part part;
    struct multipart m;
    struct err e;

    (void)state;
    for (size_t len = 0; len < sizeof body; len++) {
        int more = multipart_open(TYPE, body, len, &m, &e) < 0 ? -1 : 1;
        for (int i = 0; more > 0; i++) {
            more = multipart_next(&m, &part, &e);
            if (more > 0)
                assert_int_equal(part.len, i == 0 ? strlen("1\r\n--bb") : 0);
        }
        assert_int_equal(more, len == sizeof body - 1 ? 0 : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_those_of_the_document),
        cmocka_unit_test(tests_are_numbered_and_keep_their_bytes),
        cmocka_unit_test(what_is_wrong_names_its_field),
        cmocka_unit_test(names_are_unquoted),
        cmocka_unit_test(a_beginning_is_no_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
