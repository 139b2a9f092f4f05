/* Rows of the outbox as messages: they fit into any topic's limit, also with long names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "bridge/bridge.h"
#include "bridge/publish/encode.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"
#include "schema/model/report.h"
#include "schema/store/outbox.h"

static const struct bridge_config config = { .set = STATUS_SET_SCRC, .test_io = true };

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

/* Owned by the caller. trace: NULL: none. */
static char *stored_report(const char *trace, size_t *ret_len)
{
    CLEANUP(report_freep) struct report *r = calloc(1, sizeof *r);
    char *json = NULL;

    assert_non_null(r);
    assert_int_equal(bytes_copy("6\n", 2, &r->out), 0);
    assert_int_equal(bytes_copy(NULL, 0, &r->err), 0);
    assert_int_equal(bytes_copy(NULL, 0, &r->build_log), 0);
    r->id = strdup("stored");
    r->language = strdup("python");
    r->error = strdup("");
    r->produced_by.version = strdup("1.2.3");
    r->produced_by.image =
        strdup("a long name of an image with its digest sha256:0123456789abcdef");
    r->verdict = VERDICT_OK;
    (void)snprintf(r->traceparent, sizeof r->traceparent, "%s", trace ? trace : "");
    r->ran = true;
    assert_int_equal(report_encode(r, &json, ret_len, NULL), 0);
    return json;
}

static char *name_of(char c, size_t len)
{
    char *name = malloc(len + 1);

    assert_non_null(name);
    memset(name, c, len);
    name[len] = '\0';
    return name;
}

static void assert_fits(const struct outbox_item *item, size_t max, const char *trace)
{
    struct encoded_message m;
    struct err e = { 0 };

    if (encode_item(&config, item, max, &m, &e) < 0)
        fail_msg("%zu: %s", max, e.msg);
    size_t headers = 390 + (trace ? strlen(TRACEPARENT_NAME) + strlen(trace) : 0);
    assert_true(m.len + item->key_len + strlen(item->topic) + headers < max);
    assert_string_equal(m.traceparent, trace ? trace : "");
    json_t *root = json_loads(m.payload, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "id")), item->key);
    assert_string_equal(json_string_value(json_object_get(root, "verdict")), "OK");
    assert_string_equal(json_string_value(json_object_get(root, "status")), "OK");
    json_decref(root);
    encode_clear(&m);
}

/* A report, which has its id twice, fits into max with its key and headers. */
static void reports_fit(void **state)
{
    static const struct {
        size_t max, id, topic;
        char letter;
        const char *trace;
    } rows[] = { { ENCODE_MIN_BYTES, 20, 20, 'i', NULL },
                 { 1100, 36, 60, 'i', NULL },
                 { 1150, 36, 60, 'i', TRACE },
                 { 1700, 255, 249, '"', TRACE },
                 { 1600, 255, 249, '"', NULL } };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *id = name_of(rows[i].letter, rows[i].id), *topic = name_of('t', rows[i].topic);
        struct outbox_item item = {
            .number = 1, .kind = OUTBOX_REPORT, .key = id, .key_len = rows[i].id, .topic = topic
        };

        item.payload = stored_report(rows[i].trace, &item.payload_len);
        for (size_t max = rows[i].max; max < rows[i].max + 1000; max++)
            assert_fits(&item, max, rows[i].trace);
        free(item.payload);
        free(topic);
        free(id);
    }
}

static void too_small_a_limit_is_an_error(void **state)
{
    char id[] = "a", topic[] = "t";
    struct outbox_item item = {
        .number = 1, .kind = OUTBOX_REPORT, .key = id, .key_len = 1, .topic = topic
    };
    struct encoded_message m = { 0 };
    struct err e = { 0 };
    (void)state;

    item.payload = stored_report(NULL, &item.payload_len);
    assert_int_equal(encode_item(&config, &item, ENCODE_MIN_BYTES / 2, &m, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_int_equal(encode_item(&config, &item, ENCODE_MIN_BYTES - 180, &m, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    free(item.payload);
}

/* A dead letter is truncated only if its topic does not take it. */
static void dead_letters_are_truncated(void **state)
{
    static const struct {
        size_t len, max;
        bool truncated;
    } rows[] = { { 3000000, 4000000, false }, { 3000000, 1000000, true }, { 0, 1000, false } };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *payload = name_of('q', rows[i].len), reason[] = "not JSON";
        struct outbox_item item = { .number = 1,
                                    .kind = OUTBOX_DEAD_LETTER,
                                    .payload = payload,
                                    .payload_len = rows[i].len,
                                    .reason = reason };
        struct encoded_message m;
        struct err e = { 0 };

        assert_int_equal(encode_item(&config, &item, rows[i].max, &m, &e), 0);
        assert_int_equal(m.truncated, rows[i].truncated);
        assert_true(rows[i].truncated ? m.len > rows[i].max - 1000 && m.len < rows[i].max
                                      : m.len == rows[i].len);
        encode_clear(&m);
        free(payload);
    }
}

/* The sender's headers are left out if they would take too much of the limit. */
static void large_headers_are_left_out(void **state)
{
    char id[] = "a", headers[1000] = "";
    struct outbox_item item = {
        .number = 1, .kind = OUTBOX_REPORT, .key = id, .key_len = 1, .headers = headers
    };
    struct encoded_message m;
    struct err e = { 0 };
    (void)state;

    item.payload = stored_report(NULL, &item.payload_len);
    for (item.headers_len = 200; item.headers_len <= 1000; item.headers_len += 200) {
        assert_int_equal(encode_item(&config, &item, 2000, &m, &e), 0);
        assert_int_equal(m.bare, item.headers_len > 500);
        encode_clear(&m);
    }
    free(item.payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_fit),
        cmocka_unit_test(too_small_a_limit_is_an_error),
        cmocka_unit_test(dead_letters_are_truncated),
        cmocka_unit_test(large_headers_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
