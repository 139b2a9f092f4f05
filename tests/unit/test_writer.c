/* tests/unit/test_writer.c - the JSON writer: jansson reads what was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "schema/json/writer.h"

static json_t *read_back(struct writer *e)
{
    char *text;
    size_t len;
    json_error_t why;

    assert_int_equal(writer_take(e, &text, &len), 0);
    assert_int_equal(strlen(text), len);
    json_t *v = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (!v)
        fail_msg("%s: %s", text, why.text);
    free(text);
    return v;
}

static void check_text(const char *data, size_t len)
{
    struct writer e = { .failed = false };

    writer_text(&e, data, len);
    json_t *v = read_back(&e);
    assert_int_equal(json_string_length(v), len);
    assert_memory_equal(json_string_value(v), data, len);
    json_decref(v);
}

/* Plain text is checked eight bytes at a time: each byte must be found at each position. */
static void every_ascii_byte_comes_back_from_every_place(void **state)
{
    char text[27];

    (void)state;
    for (int byte = 0; byte < 0x80; byte++) {
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, 'x', sizeof text);
            text[at] = (char)byte;
            check_text(text, sizeof text);
            text[sizeof text - 1 - at] = (char)byte;
            check_text(text, sizeof text);
        }
    }
}

static void texts_of_any_length_come_back(void **state)
{
    static const char piece[] = "plain \xC3\xA9 \"quoted\" back\\slash\n\t\x01\xF0\x9F\x98\x80";
    char text[40 * (sizeof piece - 1)];

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = piece[i % (sizeof piece - 1)];
    for (size_t n = 0; n <= 40; n++)
        check_text(text, n * (sizeof piece - 1));
}

static void objects_have_their_commas(void **state)
{
    const uint8_t hash[] = { 0x00, 0x9f, 0xff };
    struct writer e = { .failed = false };

    (void)state;
    writer_begin(&e, '{');
    writer_key(&e, "list");
    writer_begin(&e, '[');
    writer_number(&e, INT64_MIN);
    writer_null(&e);
    writer_bool(&e, true);
    writer_end(&e, ']');
    writer_key(&e, "hash");
    writer_hex(&e, hash, sizeof hash);
    writer_key(&e, "word");
    writer_word(&e, NULL);
    writer_end(&e, '}');
    assert_string_equal(e.out.data, "{\"list\":[-9223372036854775808,null,true],"
                                    "\"hash\":\"009fff\",\"word\":\"\"}");
    json_decref(read_back(&e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ascii_byte_comes_back_from_every_place),
        cmocka_unit_test(texts_of_any_length_come_back),
        cmocka_unit_test(objects_have_their_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
