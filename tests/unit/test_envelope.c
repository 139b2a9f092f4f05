/* Kind and id of a message: one row for every rule of the envelope. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/consume/envelope.h"
#include "schema/base/text.h"
#include "tests/support/assert_err.h"
#include "tests/support/sample.h"

#define MAX_BODY 2000
#define GOOD     "\"language\":\"c\",\"source\":\"x\""

struct row {
    const char *key, *value; /* NULL: none */
    enum envelope_kind kind;
    const char *id;      /* of the submission, or of the report of a refusal */
    const char *derived; /* the id where there is none; NULL: not checked */
    const char *reason;  /* part of it */
};

static struct envelope read_as(const char *key, size_t key_len, const char *value, size_t value_len,
                               int64_t max_body)
{
    const struct envelope_message m = { .key = key,
                                        .key_len = key_len,
                                        .value = value,
                                        .value_len = value_len,
                                        .topic = "scripts",
                                        .partition = 3,
                                        .offset = 42 };
    struct envelope v;
    struct err e;

    assert_int_equal(envelope_open(&m, &sample_rules, max_body, &v, &e), 0);
    return v;
}

static struct envelope read_text(const char *key, const char *value)
{
    return read_as(key, key ? strlen(key) : 0, value, value ? strlen(value) : 0, MAX_BODY);
}

static void check(const struct row *r)
{
    struct envelope v = read_text(r->key, r->value);

    print_message("%s | %s\n", r->key ? r->key : "-", r->value ? r->value : "-");
    assert_int_equal(v.kind, r->kind);
    if (r->derived)
        assert_string_equal(v.derived, r->derived);
    if (r->kind == ENVELOPE_SUBMISSION) {
        assert_non_null(v.submission);
        assert_int_equal(!v.submission->id, !r->id);
        if (r->id)
            assert_string_equal(v.submission->id, r->id);
    } else {
        assert_null(v.submission);
        assert_string_equal(v.id, r->id ? r->id : "");
    }
    if (r->reason)
        assert_non_null(strstr(v.reason, r->reason));
    else
        assert_string_equal(v.reason, "");
    envelope_clear(&v);
}

static void submissions(void **state)
{
    static const struct row rows[] = {
        { NULL, "{" GOOD ",\"id\":\"a\"}", ENVELOPE_SUBMISSION, "a", NULL, NULL },
        { "k", "{" GOOD ",\"id\":\"a\"}", ENVELOPE_SUBMISSION, "a", NULL, NULL },
        { "k", "{" GOOD "}", ENVELOPE_SUBMISSION, NULL, "k", NULL },
        { "k", "{" GOOD ",\"id\":\"\"}", ENVELOPE_SUBMISSION, NULL, "k", NULL },
        { "k", "{" GOOD ",\"id\":null}", ENVELOPE_SUBMISSION, NULL, "k", NULL },
        { "\xc3\xa9/ \xe2\x82\xac", "{" GOOD "}", ENVELOPE_SUBMISSION, NULL,
          "\xc3\xa9/ \xe2\x82\xac", NULL },
        { NULL, "{" GOOD "}", ENVELOPE_SUBMISSION, NULL, "scripts:3:42", NULL },
        { "", "{" GOOD "}", ENVELOPE_SUBMISSION, NULL, "scripts:3:42", NULL },
        { "a\nb", "{" GOOD "}", ENVELOPE_SUBMISSION, NULL, "scripts:3:42", NULL },
        { "a\x7f", "{" GOOD "}", ENVELOPE_SUBMISSION, NULL, "scripts:3:42", NULL },
        { "\xc2\x85", "{" GOOD "}", ENVELOPE_SUBMISSION, NULL, "scripts:3:42", NULL },
        { "\xff\xfe", "{" GOOD "}", ENVELOPE_SUBMISSION, NULL, "scripts:3:42", NULL },
        { "k", "{\"type\":\"script\"," GOOD "}", ENVELOPE_SUBMISSION, NULL, "k", NULL },
        { "k", "{\"type\":\"\"," GOOD "}", ENVELOPE_SUBMISSION, NULL, "k", NULL },
        { "k", "{\"type\":null," GOOD "}", ENVELOPE_SUBMISSION, NULL, "k", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i]);
}

static void other_kinds(void **state)
{
    static const struct row rows[] = {
        { NULL, "{\"type\":\"done\"}", ENVELOPE_DONE, NULL, NULL, "" },
        { "k", "{\"type\":\"done\",\"id\":\"x\"," GOOD "}", ENVELOPE_DONE, NULL, NULL, "" },
        { "k", "{\"type\":\"other\"," GOOD "}", ENVELOPE_FOREIGN, NULL, NULL, "\"other\"" },
        { "k", "{\"type\":\"Done\"}", ENVELOPE_FOREIGN, NULL, NULL, "\"Done\"" },
        { "k", "{\"type\":\"other\",\"id\":\"a\"}", ENVELOPE_FOREIGN, NULL, NULL, "\"other\"" },
        { "k", "{\"type\":7," GOOD "}", ENVELOPE_REFUSED, "k", NULL, "/type" },
        { "k", NULL, ENVELOPE_TOMBSTONE, NULL, "k", "no value" },
        { NULL, NULL, ENVELOPE_TOMBSTONE, NULL, NULL, "no value" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i]);
}

static void refused(void **state)
{
    static const struct row rows[] = {
        { "k", "", ENVELOPE_REFUSED, "k", NULL, "not JSON" },
        { "k", "hello", ENVELOPE_REFUSED, "k", NULL, "not JSON" },
        { NULL, "hello", ENVELOPE_REFUSED, NULL, NULL, "not JSON" },
        { "\x01", "hello", ENVELOPE_REFUSED, NULL, NULL, "not JSON" },
        { "k", "\xff\xff", ENVELOPE_REFUSED, "k", NULL, "not JSON" },
        { "k", "[]", ENVELOPE_REFUSED, "k", NULL, "must be" },
        { "k", "{}", ENVELOPE_REFUSED, "k", NULL, "/language: is missing" },
        { "k", "{\"id\":\"a\"}", ENVELOPE_REFUSED, "a", NULL, "/language: is missing" },
        { "k", "{\"id\":5," GOOD "}", ENVELOPE_REFUSED, "k", NULL, "/id" },
        { "k", "{\"id\":\"a\\u0000b\"," GOOD "}", ENVELOPE_REFUSED, "k", NULL, "/id" },
        { "k", "{\"id\":\"a\\nb\"," GOOD "}", ENVELOPE_REFUSED, "k", NULL, "/id" },
        { "k", "{\"id\":\"a\",\"language\":\"cobol\",\"source\":\"x\"}", ENVELOPE_REFUSED, "a",
          NULL, "/language" },
        { NULL, "{\"id\":\"a\",\"language\":\"c\",\"source\":\"\"}", ENVELOPE_REFUSED, "a", NULL,
          "/source" },
        { "k", "{\"id\":\"a\",\"id\":\"b\"," GOOD "}", ENVELOPE_REFUSED, "k", NULL, "duplicate" },
        { "k", "{\"type\":\"script\",\"id\":\"a\"}", ENVELOPE_REFUSED, "a", NULL, "missing" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i]);
}

#define EVENT(more)                                                                                \
    "{\"specversion\":\"1.0\",\"id\":\"e-1\",\"source\":\"/lms\",\"type\":\"com.lms.sent\"," more  \
    "}"

/* A CloudEvent in structured mode: its data is read like a message. */
static void events_are_unwrapped(void **state)
{
    static const struct row rows[] = {
        { "k", EVENT("\"data\":{" GOOD ",\"id\":\"a\"}"), ENVELOPE_SUBMISSION, "a", NULL, NULL },
        { "k", EVENT("\"data\":{" GOOD "}"), ENVELOPE_SUBMISSION, NULL, "k", NULL },
        { "k", EVENT("\"data_base64\":\"eyJsYW5ndWFnZSI6ImMiLCJzb3VyY2UiOiJ4IiwiaWQiOiJiIn0=\""),
          ENVELOPE_SUBMISSION, "b", NULL, NULL },
        { "k", EVENT("\"data_base64\":\"%\""), ENVELOPE_REFUSED, "k", NULL, "/data_base64" },
        { "k", EVENT("\"data\":{\"type\":\"done\"}"), ENVELOPE_DONE, NULL, NULL, "" },
        { "k", EVENT("\"data\":{\"type\":\"other\"}"), ENVELOPE_FOREIGN, NULL, NULL, "\"other\"" },
        { "k", EVENT("\"data\":{\"id\":\"a\"}"), ENVELOPE_REFUSED, "a", NULL,
          "/language: is missing" },
        { "k", EVENT("\"data\":7"), ENVELOPE_REFUSED, "k", NULL, "must be" },
        { "k", EVENT("\"data\":" EVENT("\"data\":{" GOOD "}")), ENVELOPE_REFUSED, "k", NULL, "" },
        { "k", EVENT("\"datacontenttype\":\"application/json\""), ENVELOPE_FOREIGN, NULL, NULL,
          "com.lms.sent" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i]);
}

/* All members of the event but its data. */
static void attributes_of_events_are_kept(void **state)
{
    static const char *const values[] = { EVENT("\"data\":{" GOOD "}"), EVENT("\"data\":7"),
                                          EVENT("\"data_base64\":\"%\"") };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct envelope v = read_text("k", values[i]);
        assert_int_equal(json_object_size(v.attributes), 4);
        assert_string_equal(json_string_value(json_object_get(v.attributes, "id")), "e-1");
        envelope_clear(&v);
        assert_null(v.attributes);
    }
    struct envelope v = read_text("k", "{" GOOD ",\"specversion\":\"1.0\"}");
    assert_null(v.attributes);
    envelope_clear(&v);
}

/* The 5 bytes of a schema registry's serializer are skipped; a single NUL is no such frame. */
static void schema_frames_are_skipped(void **state)
{
    static const struct {
        const char *value;
        size_t len;
        enum envelope_kind kind;
    } rows[] = {
#define BYTES(text) text, sizeof text - 1
        { BYTES("\0\0\0\1\2{" GOOD "}"), ENVELOPE_SUBMISSION },
        { BYTES("\0\0\0\1\2" EVENT("\"data\":{" GOOD "}")), ENVELOPE_SUBMISSION },
        { BYTES("\0\0\0\1\2"), ENVELOPE_REFUSED },
        { BYTES("\0\0\0\1\2\3"), ENVELOPE_REFUSED },
        { BYTES("\0{" GOOD "}"), ENVELOPE_REFUSED },
        { BYTES("\1\0\0\1\2{" GOOD "}"), ENVELOPE_REFUSED },
#undef BYTES
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct envelope v = read_as("k", 1, rows[i].value, rows[i].len, MAX_BODY);
        print_message("frame %zu\n", i);
        assert_int_equal(v.kind, rows[i].kind);
        envelope_clear(&v);
    }
}

static void unknown_fields_are_counted(void **state)
{
    struct envelope v = read_text(NULL, "{" GOOD ",\"colour\":1,\"limits\":{\"speed\":2}}");

    (void)state;
    assert_int_equal(v.kind, ENVELOPE_SUBMISSION);
    assert_int_equal(v.ignored_fields, 2);
    envelope_clear(&v);
}

/* A value may have as many bytes as the limit, and not one more. */
static void the_value_is_bounded(void **state)
{
    char value[MAX_BODY + 1];
    int n = snprintf(value, sizeof value, "{" GOOD ",\"id\":\"a\"}");

    (void)state;
    memset(value + n, ' ', sizeof value - (size_t)n);
    struct envelope v = read_as("k", 1, value, MAX_BODY, MAX_BODY);
    assert_int_equal(v.kind, ENVELOPE_SUBMISSION);
    envelope_clear(&v);
    v = read_as("k", 1, value, MAX_BODY + 1, MAX_BODY);
    assert_int_equal(v.kind, ENVELOPE_REFUSED);
    assert_non_null(strstr(v.reason, "2001 bytes"));
    assert_string_equal(v.id, "k");
    envelope_clear(&v);
}

/* An id has at most 255 bytes, also if it is made of a long key or topic. */
static void derived_ids_are_legal(void **state)
{
    char key[300], topic[250];
    struct envelope v;

    (void)state;
    memset(key, 'k', sizeof key);
    v = read_as(key, 255, "{" GOOD "}", strlen("{" GOOD "}"), MAX_BODY);
    assert_int_equal(strlen(v.derived), 255);
    assert_memory_equal(v.derived, key, 255);
    envelope_clear(&v);
    v = read_as(key, 256, "{" GOOD "}", strlen("{" GOOD "}"), MAX_BODY);
    assert_string_equal(v.derived, "scripts:3:42");
    envelope_clear(&v);
    v = read_as("a\0b", 3, "{" GOOD "}", strlen("{" GOOD "}"), MAX_BODY);
    assert_string_equal(v.derived, "scripts:3:42");
    envelope_clear(&v);

    memset(topic, 't', sizeof topic - 1);
    topic[sizeof topic - 1] = '\0';
    const struct envelope_message m = { .value = "{" GOOD "}",
                                        .value_len = strlen("{" GOOD "}"),
                                        .topic = topic,
                                        .offset = INT64_MAX };
    assert_int_equal(envelope_open(&m, &sample_rules, MAX_BODY, &v, NULL), 0);
    assert_int_equal(strlen(v.derived), 255);
    assert_non_null(strstr(v.derived, "t:0:9223372036854775807"));
    envelope_clear(&v);
}

/* A long reason is cut between two characters. */
static void reasons_are_utf8(void **state)
{
    char value[1200] = "{\"type\":\"", *p = value + strlen(value);
    struct envelope v;

    (void)state;
    for (int i = 0; i < 300; i++, p += 3)
        memcpy(p, "\xe2\x82\xac", 3);
    memcpy(p, "\"}", 3);
    v = read_text("k", value);
    assert_int_equal(v.kind, ENVELOPE_FOREIGN);
    assert_true(text_is_utf8(v.reason, strlen(v.reason)));
    envelope_clear(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(submissions),
        cmocka_unit_test(other_kinds),
        cmocka_unit_test(refused),
        cmocka_unit_test(events_are_unwrapped),
        cmocka_unit_test(attributes_of_events_are_kept),
        cmocka_unit_test(schema_frames_are_skipped),
        cmocka_unit_test(unknown_fields_are_counted),
        cmocka_unit_test(the_value_is_bounded),
        cmocka_unit_test(derived_ids_are_legal),
        cmocka_unit_test(reasons_are_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
