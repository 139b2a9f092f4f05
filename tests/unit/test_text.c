#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema/base/base.h"
#include "schema/base/text.h"

#define R "\xEF\xBF\xBD"

/* Bytes, and the result of text_to_utf8(); NULL: they are UTF-8 already. */
static const struct {
    const char *bytes;
    size_t len;
    const char *mended;
} samples[] = {
#define GOOD(s)                                                                                    \
    {                                                                                              \
        s, sizeof s - 1, NULL                                                                      \
    }
#define BAD(s, m)                                                                                  \
    {                                                                                              \
        s, sizeof s - 1, m                                                                         \
    }
    GOOD(""),
    GOOD("plain"),
    GOOD("\0"),
    GOOD("a\0b"),
    GOOD("\x7F"),
    GOOD("gr\xC3\xBC\xC3\x9F"),
    GOOD("\xE2\x82\xAC"),
    GOOD("12345678\xE2\x82\xAC"),
    GOOD("1234567\xE2\x82\xAC"),
    GOOD("\xF0\x9F\x98\x80"),
    GOOD("\xF4\x8F\xBF\xBF"),
    GOOD("\xED\x9F\xBF\xEE\x80\x80"),
    BAD("\xFF", R),
    BAD("\x80", R),
    BAD("a\xFFz", "a" R "z"),
    BAD("12345678\xFFz", "12345678" R "z"),
    BAD("\xC3", R),             /* cut */
    BAD("\xE2\x82", R),         /* cut */
    BAD("\xE2\x82z", R "z"),    /* cut, more follows */
    BAD("\xC0\xAF", R R),       /* overlong */
    BAD("\xED\xA0\x80", R),     /* surrogate */
    BAD("\xF4\x90\x80\x80", R), /* beyond U+10FFFF */
    BAD("\xC3\xBC\xFF\xC3\xBC", "\xC3\xBC" R "\xC3\xBC"),
};

static void recognises_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        assert_int_equal(text_is_utf8(samples[i].bytes, samples[i].len), !samples[i].mended);
}

static void replaces_invalid_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const char *want = samples[i].mended ? samples[i].mended : samples[i].bytes;
        size_t want_len = samples[i].mended ? strlen(want) : samples[i].len;
        CLEANUP(freep) char *text = NULL;
        size_t len = 99;

        assert_int_equal(text_to_utf8(samples[i].bytes, samples[i].len, &text, &len), 0);
        if (len != want_len || memcmp(text, want, len) != 0)
            fail_msg("sample %zu became '%s'", i, text);
        assert_int_equal(text[len], '\0');
        assert_true(text_is_utf8(text, len));
    }
}

static void replaces_a_megabyte_of_noise_in_linear_time(void **state)
{
    size_t len = 1 << 20, got;
    CLEANUP(freep) char *noise = malloc(len);
    CLEANUP(freep) char *text = NULL;

    (void)state;
    assert_non_null(noise);
    memset(noise, 0xFF, len);
    assert_int_equal(text_to_utf8(noise, len, &text, &got), 0);
    assert_int_equal(got, 3 * len);
}

static void cuts_between_characters(void **state)
{
    static const struct {
        const char *text;
        size_t max, cut;
    } rows[] = {
        { "abc", 3, 3 },
        { "abc", 9, 3 },
        { "abc", 2, 2 },
        { "abc", 0, 0 },
        { "a\xC3\xBC", 2, 1 },
        { "a\xC3\xBC", 3, 3 },
        { "\xE2\x82\xAC\xE2\x82\xAC", 3, 3 },
        { "\xE2\x82\xAC\xE2\x82\xAC", 4, 3 },
        { "\xE2\x82\xAC\xE2\x82\xAC", 5, 3 },
        { "\xE2\x82\xAC\xE2\x82\xAC", 2, 0 },
        { "\xF0\x9F\x98\x80", 1, 0 },
        { "\xF0\x9F\x98\x80", 3, 0 },
        { "\xF0\x9F\x98\x80", 4, 4 },
        { "\x80\x80\x80\x80\x80\x80", 4, 4 }, /* not UTF-8: cut anywhere */
        { "\xFF\xFF\xFF", 2, 2 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(text_cut(rows[i].text, strlen(rows[i].text), rows[i].max), rows[i].cut);
}

static void base64_goes_both_ways(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } rows[] = {
        { "", 0, "" },        { "f", 1, "Zg==" },    { "fo", 2, "Zm8=" },
        { "foo", 3, "Zm9v" }, { "\0\0", 2, "AAA=" }, { "\xFB\xFF\xFE", 3, "+//+" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(freep) char *text = text_base64(rows[i].bytes, rows[i].len);
        CLEANUP(freep) char *bytes = NULL;
        size_t len;

        assert_string_equal(text, rows[i].text);
        assert_int_equal(text_from_base64(text, strlen(text), &bytes, &len), 0);
        assert_int_equal(len, rows[i].len);
        assert_memory_equal(bytes, rows[i].bytes, len);
        assert_int_equal(bytes[len], '\0');
    }
}

static void base64_is_strict(void **state)
{
    static const char *const rows[] = {
        "Zg",    "Zg=",   "Z",    "====", "Zg==Zg==", "Zm9v\n", " Zm9v",
        "Zm 9v", "Zm9v=", "Zh==", "-__-", "Zm9\xFF",  "=Zm9"
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *bytes = NULL;
        size_t len = 7;
        if (text_from_base64(rows[i], strlen(rows[i]), &bytes, &len) == 0)
            fail_msg("'%s' was taken", rows[i]);
        assert_null(bytes);
        assert_int_equal(len, 7);
        assert_int_not_equal(errno, ENOMEM);
    }
}

static void base64_of_all_bytes_and_lengths(void **state)
{
    char bytes[300];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        CLEANUP(freep) char *text = text_base64(bytes, n);
        CLEANUP(freep) char *back = NULL;
        size_t len;
        assert_int_equal(text_from_base64(text, strlen(text), &back, &len), 0);
        assert_int_equal(len, n);
        assert_memory_equal(back, bytes, n);
    }
}

/* The hash is on disk and in the identity of submissions: it must never change. */
static void hash_is_blake2b_256(void **state)
{
    static const uint8_t abc[TEXT_HASH_SIZE] = {
        0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72, 0x31, 0x71, 0xef,
        0x3f, 0xee, 0x98, 0x57, 0x9b, 0x94, 0x96, 0x4e, 0x3b, 0xb1, 0xcb,
        0x3e, 0x42, 0x72, 0x62, 0xc8, 0xc0, 0x68, 0xd5, 0x23, 0x19,
    };
    uint8_t out[TEXT_HASH_SIZE];

    (void)state;
    text_hash("abc", 3, out);
    assert_memory_equal(out, abc, sizeof abc);
    text_hash(NULL, 0, out);
    assert_int_equal(out[0], 0x0e);
}

static void random_ids_differ(void **state)
{
    char a[TEXT_ID_SIZE], b[TEXT_ID_SIZE];

    (void)state;
    text_random_id(a);
    text_random_id(b);
    assert_int_equal(strlen(a), TEXT_ID_SIZE - 1);
    assert_int_equal(strspn(a, "0123456789abcdef"), TEXT_ID_SIZE - 1);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recognises_utf8),
        cmocka_unit_test(replaces_invalid_utf8),
        cmocka_unit_test(replaces_a_megabyte_of_noise_in_linear_time),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(base64_of_all_bytes_and_lengths),
        cmocka_unit_test(hash_is_blake2b_256),
        cmocka_unit_test(random_ids_differ),
    };
    return text_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
