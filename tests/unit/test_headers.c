/* Headers of a message, packed for the job table and unpacked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/kafka/headers.h"
#include "schema/base/buf.h"

static void add(rd_kafka_headers_t *h, const char *name, const void *value, size_t len)
{
    assert_int_equal(rd_kafka_header_add(h, name, -1, value, (ssize_t)len), 0);
}

static void assert_header(const rd_kafka_headers_t *h, size_t i, const char *name,
                          const void *value, size_t len)
{
    const char *got_name;
    const void *got;
    size_t got_len;

    assert_int_equal(rd_kafka_header_get_all(h, i, &got_name, &got, &got_len), 0);
    assert_string_equal(got_name, name);
    assert_int_equal(!got, !value);
    assert_int_equal(got_len, len);
    if (len > 0)
        assert_memory_equal(got, value, len);
}

static void headers_are_unpacked_unchanged(void **state)
{
    rd_kafka_headers_t *in = rd_kafka_headers_new(4), *out = rd_kafka_headers_new(4);
    struct buf packed = { .data = NULL };

    (void)state;
    add(in, "traceparent", "00-ab-cd-01", 11);
    add(in, "scrc-outbox", "theirs:1", 8); /* left out: it would be read as our own */
    add(in, "bytes", "\0\xff\n", 3);
    add(in, "empty", "", 0);
    add(in, "none", NULL, 0);
    add(in, "bytes", "twice", 5);
    assert_int_equal(headers_pack(in, NULL, false, &packed), 0);
    assert_true(headers_unpack(packed.data, packed.len, out));
    assert_int_equal(rd_kafka_header_cnt(out), 5);
    assert_header(out, 0, "traceparent", "00-ab-cd-01", 11);
    assert_header(out, 1, "bytes", "\0\xff\n", 3);
    assert_header(out, 2, "empty", "", 0);
    assert_header(out, 3, "none", NULL, 0);
    assert_header(out, 4, "bytes", "twice", 5);
    buf_clear(&packed);
    rd_kafka_headers_destroy(out);
    rd_kafka_headers_destroy(in);
}

static void headers_are_bounded(void **state)
{
    rd_kafka_headers_t *in = rd_kafka_headers_new(4), *out = rd_kafka_headers_new(4);
    struct buf packed = { .data = NULL };
    char *large = calloc(1, HEADERS_MAX_BYTES);

    (void)state;
    assert_non_null(large);
    add(in, "small", "1", 1);
    add(in, "large", large, HEADERS_MAX_BYTES);
    add(in, "last", "2", 1);
    assert_int_equal(headers_pack(in, NULL, false, &packed), 0);
    assert_true(packed.len < 100);
    assert_true(headers_unpack(packed.data, packed.len, out));
    assert_int_equal(rd_kafka_header_cnt(out), 2);
    assert_header(out, 1, "last", "2", 1);
    free(large);
    buf_clear(&packed);
    rd_kafka_headers_destroy(out);
    rd_kafka_headers_destroy(in);
}

static void truncated_bytes_are_refused(void **state)
{
    rd_kafka_headers_t *in = rd_kafka_headers_new(1);
    struct buf packed = { .data = NULL };

    (void)state;
    add(in, "name", "value", 5);
    assert_int_equal(headers_pack(in, NULL, false, &packed), 0);
    for (size_t len = 0; len <= packed.len; len++) {
        rd_kafka_headers_t *out = rd_kafka_headers_new(1);
        char *cut =
            malloc(len + 1); /* a block of exactly this size, so that ASan finds reads beyond it */
        assert_non_null(cut);
        if (len > 0)
            memcpy(cut, packed.data, len);
        assert_int_equal(headers_unpack(cut, len, out), len == 0 || len == packed.len);
        free(cut);
        rd_kafka_headers_destroy(out);
    }
    buf_clear(&packed);
    rd_kafka_headers_destroy(in);
}

/* As in binary mode; an attribute whose header exists is not added again. */
static void event_attributes_become_headers(void **state)
{
    rd_kafka_headers_t *in = rd_kafka_headers_new(4), *out = rd_kafka_headers_new(8);
    struct buf packed = { .data = NULL };
    json_t *event =
        json_pack("{s:s s:s s:s s:s s:i s:b s:n s:[] s:s s:s}", "id", "e-1", "source", "/lms",
                  "datacontenttype", "application/json", "traceparent", "00-ab-cd-01", "number", -7,
                  "flag", 1, "nothing", "list", "Upper", "no name", "subject", "h\xc3\xa9");

    (void)state;
    assert_non_null(event);
    add(in, "ce_source", "/theirs", 7);
    add(in, "content-type", "application/CloudEvents+json", 28);
    assert_int_equal(headers_pack(in, event, false, &packed), 0);
    assert_true(headers_unpack(packed.data, packed.len, out));
    assert_int_equal(rd_kafka_header_cnt(out), 7);
    assert_header(out, 0, "ce_source", "/theirs", 7);
    assert_header(out, 1, "ce_id", "e-1", 3);
    assert_header(out, 2, "ce_datacontenttype", "application/json", 16);
    assert_header(out, 3, "ce_traceparent", "00-ab-cd-01", 11);
    assert_header(out, 4, "ce_number", "-7", 2);
    assert_header(out, 5, "ce_flag", "true", 4);
    assert_header(out, 6, "ce_subject", "h\xc3\xa9", 3);
    buf_clear(&packed);
    rd_kafka_headers_destroy(out);

    out = rd_kafka_headers_new(8);
    assert_int_equal(headers_pack(in, NULL, true, &packed), 0); /* as_it_came: for a dead letter */
    assert_true(headers_unpack(packed.data, packed.len, out));
    assert_header(out, 1, "content-type", "application/CloudEvents+json", 28);
    buf_clear(&packed);
    json_decref(event);
    rd_kafka_headers_destroy(out);
    rd_kafka_headers_destroy(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_unpacked_unchanged),
        cmocka_unit_test(headers_are_bounded),
        cmocka_unit_test(truncated_bytes_are_refused),
        cmocka_unit_test(event_attributes_become_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
