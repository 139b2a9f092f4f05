#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema/base/buf.h"
#include "schema/base/bytes.h"

static void assert_sane(const struct buf *b)
{
    if (!b->data) {
        assert_int_equal(b->len, 0);
        return;
    }
    assert_true(b->len < b->size);
    assert_int_equal(b->data[b->len], '\0');
}

static void adds_bytes_of_any_kind(void **state)
{
    struct buf b = { 0 };

    (void)state;
    assert_int_equal(buf_add(&b, "a\0b", 3), 0);
    assert_sane(&b);
    assert_int_equal(buf_add(&b, "", 0), 0);
    assert_int_equal(buf_printf(&b, "%d-%s", 42, "x"), 0);
    assert_sane(&b);
    assert_int_equal(b.len, 7);
    assert_memory_equal(b.data, "a\0b42-x", 8);
    buf_clear(&b);
    assert_null(b.data);
    buf_clear(&b);
}

static void grows_far_and_keeps_what_it_had(void **state)
{
    struct buf b = { 0 };

    (void)state;
    for (int i = 0; i < 100000; i++) {
        char c = (char)('a' + i % 26);
        assert_int_equal(buf_add(&b, &c, 1), 0);
    }
    assert_sane(&b);
    assert_int_equal(b.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], 'a' + i % 26);
    buf_clear(&b);
}

static void reserve_gives_room_and_no_bytes(void **state)
{
    struct buf b = { 0 };

    (void)state;
    assert_int_equal(buf_reserve(&b, 1000), 0);
    assert_sane(&b);
    assert_int_equal(b.len, 0);
    const char *before = b.data;
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_add(&b, "0123456789", 10), 0);
    assert_ptr_equal(b.data, before);
    buf_clear(&b);
}

static void refuses_sizes_that_wrap(void **state)
{
    struct buf b = { 0 };

    (void)state;
    assert_int_equal(buf_add(&b, "abc", 3), 0);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), -1);
    assert_int_equal(buf_reserve(&b, SIZE_MAX - 3), -1);
    assert_int_equal(b.len, 3);
    assert_string_equal(b.data, "abc");
    buf_clear(&b);
}

static void take_hands_the_bytes_on(void **state)
{
    struct buf b = { 0 };

    (void)state;
    assert_null(buf_take(&b));
    assert_int_equal(buf_add(&b, "abc", 3), 0);
    char *mine = buf_take(&b);
    assert_string_equal(mine, "abc");
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_add(&b, "d", 1), 0);
    assert_string_equal(b.data, "d");
    buf_clear(&b);
    free(mine);
}

static void bytes_copy_ends_in_nul(void **state)
{
    struct bytes b = { 0 };

    (void)state;
    assert_int_equal(bytes_copy(NULL, 0, &b), 0);
    assert_non_null(b.data);
    assert_int_equal(b.data[0], '\0');
    bytes_clear(&b);
    assert_int_equal(bytes_copy("a\0b", 3, &b), 0);
    assert_memory_equal(b.data, "a\0b", 4);
    bytes_clear(&b);
    assert_null(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_bytes_of_any_kind),
        cmocka_unit_test(grows_far_and_keeps_what_it_had),
        cmocka_unit_test(reserve_gives_room_and_no_bytes),
        cmocka_unit_test(refuses_sizes_that_wrap),
        cmocka_unit_test(take_hands_the_bytes_on),
        cmocka_unit_test(bytes_copy_ends_in_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
