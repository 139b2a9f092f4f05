/* A row of the outbox as a message: what fits where, whatever its names are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

/* Owned by the caller. */
static char *stored_report(size_t *ret_len)
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

/* A report with its id in both places, within max; key and headers are the rest. */
static void reports_fit(void **state)
{
    static const struct {
        size_t max, id, topic;
        char letter;
    } rows[] = { { ENCODE_MIN_BYTES, 20, 20, 'i' },
                 { 1100, 36, 60, 'i' },
                 { 1600, 255, 249, '"' } };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *id = name_of(rows[i].letter, rows[i].id), *topic = name_of('t', rows[i].topic);
        struct outbox_item item = { .number = 1, .kind = OUTBOX_REPORT, .key = id, .topic = topic };
        struct encoded_message w;
        struct err e = { 0 };

        item.key_len = rows[i].id;
        item.payload = stored_report(&item.payload_len);
        if (encode_item(&config, &item, rows[i].max, &w, &e) < 0)
            fail_msg("%zu: %s", rows[i].max, e.msg);
        assert_true(w.len + rows[i].id + rows[i].topic + 300 < rows[i].max);
        json_t *root = json_loads(w.payload, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(root, "id")), id);
        assert_string_equal(json_string_value(json_object_get(root, "verdict")), "OK");
        assert_string_equal(json_string_value(json_object_get(root, "status")), "OK");
        json_decref(root);
        encode_clear(&w);
        free(item.payload);
        free(topic);
        free(id);
    }
}

static void what_cannot_fit(void **state)
{
    char id[] = "a", topic[] = "t";
    struct outbox_item item = {
        .number = 1, .kind = OUTBOX_REPORT, .key = id, .key_len = 1, .topic = topic
    };
    struct encoded_message w = { 0 };
    struct err e = { 0 };
    (void)state;

    item.payload = stored_report(&item.payload_len);
    assert_int_equal(encode_item(&config, &item, ENCODE_MIN_BYTES / 2, &w, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_int_equal(encode_item(&config, &item, ENCODE_MIN_BYTES - 180, &w, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    free(item.payload);
}

/* A dead letter is whole while its topic takes it. */
static void letters_are_cut_to_the_topic(void **state)
{
    static const struct {
        size_t len, max;
        bool cut;
    } rows[] = { { 3000000, 4000000, false }, { 3000000, 1000000, true }, { 0, 1000, false } };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *payload = name_of('q', rows[i].len), reason[] = "not JSON";
        struct outbox_item item = { .number = 1,
                                    .kind = OUTBOX_DEAD_LETTER,
                                    .payload = payload,
                                    .payload_len = rows[i].len,
                                    .reason = reason };
        struct encoded_message w;
        struct err e = { 0 };

        assert_int_equal(encode_item(&config, &item, rows[i].max, &w, &e), 0);
        assert_int_equal(w.cut, rows[i].cut);
        assert_true(rows[i].cut ? w.len > rows[i].max - 1000 && w.len < rows[i].max
                                : w.len == rows[i].len);
        encode_clear(&w);
        free(payload);
    }
}

/* The sender's headers go where they would take the room of the report. */
static void headers_give_way(void **state)
{
    char id[] = "a", headers[1000] = "";
    struct outbox_item item = {
        .number = 1, .kind = OUTBOX_REPORT, .key = id, .key_len = 1, .headers = headers
    };
    struct encoded_message w;
    struct err e = { 0 };
    (void)state;

    item.payload = stored_report(&item.payload_len);
    for (item.headers_len = 200; item.headers_len <= 1000; item.headers_len += 200) {
        assert_int_equal(encode_item(&config, &item, 2000, &w, &e), 0);
        assert_int_equal(w.bare, item.headers_len > 500);
        encode_clear(&w);
    }
    free(item.payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_fit),
        cmocka_unit_test(what_cannot_fit),
        cmocka_unit_test(letters_are_cut_to_the_topic),
        cmocka_unit_test(headers_give_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
