#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema/base/err.h"
#include "schema/base/text.h"

static void set_fills_and_returns_failure(void **state)
{
    struct err e = { 0 };

    (void)state;
    assert_int_equal(err_set(&e, ERR_DISK, "write '%s': %d", "x", 7), -1);
    assert_int_equal(e.kind, ERR_DISK);
    assert_string_equal(e.msg, "write 'x': 7");
    assert_int_equal(err_set(NULL, ERR_DISK, "nobody listens"), -1);
}

static void errno_text_comes_last(void **state)
{
    struct err e = { 0 };

    (void)state;
    assert_int_equal(err_errno(&e, ERR_DISK, ENOSPC, "write '%s'", "f"), -1);
    assert_string_equal(e.msg, "write 'f': No space left on device");
    assert_int_equal(err_errno(NULL, ERR_DISK, ENOSPC, "x"), -1);
}

static void wrap_puts_the_context_in_front(void **state)
{
    struct err e = { 0 };

    (void)state;
    (void)err_set(&e, ERR_TIMEOUT, "no answer");
    assert_int_equal(err_wrap(&e, "POST %s", "/x"), -1);
    assert_int_equal(err_wrap(&e, "run cell %d", 3), -1);
    assert_int_equal(e.kind, ERR_TIMEOUT);
    assert_string_equal(e.msg, "run cell 3: POST /x: no answer");
    assert_int_equal(err_wrap(NULL, "nobody"), -1);
}

/* Truncated in a character, or not UTF-8. */
static void it_is_always_text(void **state)
{
    char umlauts[900], whole[5];
    struct err e;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof umlauts; i += 2)
        memcpy(umlauts + i, "\xc3\xa4", 2);
    umlauts[sizeof umlauts - 2] = '\0';
    for (int shift = 0; shift < 2; shift++) {
        (void)err_set(&e, ERR_BUG, "%.*s%s", shift, "x", umlauts);
        assert_true(text_is_utf8(e.msg, strlen(e.msg)));
        (void)err_set(&e, ERR_BUG, "%.*s: %.7s", shift, "x", umlauts);
        (void)err_wrap(&e, "%.9s", umlauts);
        assert_true(text_is_utf8(e.msg, strlen(e.msg)));
        (void)err_wrap(&e, "%.*s%s", shift, "x", umlauts);
        assert_true(text_is_utf8(e.msg, strlen(e.msg)));
        (void)err_errno(&e, ERR_BUG, ENOENT, "%.*s%s", shift, "x", umlauts);
        assert_true(text_is_utf8(e.msg, strlen(e.msg)));
    }
    memcpy(whole,
           "a\xff\xc3"
           "b",
           5);
    (void)err_set(&e, ERR_BUG, "%s", whole);
    assert_string_equal(e.msg, "a??b");
}

/* For all lengths of message and context: terminated, and truncated only at the end. */
static void long_messages_are_cut_not_overrun(void **state)
{
    char context[900];

    (void)state;
    for (size_t n = 0; n < sizeof context - 1; n += 7) {
        struct err e;
        memset(context, 'c', n);
        context[n] = '\0';
        (void)err_set(&e, ERR_BUG, "%0390d", 1);
        (void)err_wrap(&e, "%s", context);
        assert_true(strnlen(e.msg, sizeof e.msg) < sizeof e.msg);
        assert_memory_equal(e.msg, context, n < sizeof e.msg - 1 ? n : sizeof e.msg - 1);
        (void)err_errno(&e, ERR_BUG, ENOENT, "%s", context);
        assert_true(strnlen(e.msg, sizeof e.msg) < sizeof e.msg);
        assert_non_null(strstr(e.msg, ": No such file or directory"));
    }
}

static void every_kind_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (enum err_kind a = 0; a < ERR_KIND_COUNT; a++) {
        assert_non_null(err_kind_name(a));
        for (enum err_kind b = 0; b < a; b++)
            assert_string_not_equal(err_kind_name(a), err_kind_name(b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_and_returns_failure),
        cmocka_unit_test(errno_text_comes_last),
        cmocka_unit_test(wrap_puts_the_context_in_front),
        cmocka_unit_test(long_messages_are_cut_not_overrun),
        cmocka_unit_test(it_is_always_text),
        cmocka_unit_test(every_kind_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
