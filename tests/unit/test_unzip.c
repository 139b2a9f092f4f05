/* Zip archives as people, tools and attackers make them, out of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include <cmocka.h>

#include "schema/base/base.h"
#include "schema/base/err.h"
#include "schema/bundle/bundle.h"
#include "schema/bundle/testset.h"
#include "schema/bundle/unzip.h"

static const struct bundle_bounds roomy = { .files = 100, .bytes = 1 << 20 };
static const struct bundle_bounds tests_only = { .files = 100,
                                                 .bytes = 1 << 20,
                                                 .wants = testset_wants };

/* One entry of an archive that is made here; name NULL ends a list. */
struct entry {
    const char *name;
    const char *text;       /* NULL: its name */
    size_t zeros;           /* instead */
    bool stored;            /* instead of deflated */
    uint8_t method;         /* what is said instead; 0: how it is */
    const char *password;   /* NULL: not encrypted */
    zip_uint32_t unix_mode; /* 0: none */
};

struct archive {
    char *data; /* owned */
    size_t len;
};

static void add(zip_t *z, const struct entry *n)
{
    char *zeros = n->zeros ? calloc(1, n->zeros) : NULL;
    const char *text = n->text ? n->text : n->name;
    zip_source_t *s = zeros ? zip_source_buffer(z, zeros, n->zeros, 1)
                            : zip_source_buffer(z, text, strlen(text), 0);
    zip_int64_t i = zip_file_add(z, n->name, s, ZIP_FL_ENC_UTF_8);

    assert_true(i >= 0);
    assert_int_equal(
        zip_set_file_compression(z, (zip_uint64_t)i, n->stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0),
        0);
    if (n->password)
        assert_int_equal(zip_file_set_encryption(z, (zip_uint64_t)i, ZIP_EM_AES_256, n->password),
                         0);
    if (n->unix_mode)
        assert_int_equal(zip_file_set_external_attributes(z, (zip_uint64_t)i, 0, ZIP_OPSYS_UNIX,
                                                          n->unix_mode << 16),
                         0);
}

/* The archive has one entry. */
static void say_method(struct archive *a, uint8_t method)
{
    char *local = memmem(a->data, a->len, "PK\3\4", 4),
         *central = memmem(a->data, a->len, "PK\1\2", 4);

    assert_true(local && central);
    local[8] = central[10] = (char)method;
}

static struct archive make(const struct entry *entries)
{
    zip_source_t *s = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *z = zip_open_from_source(s, ZIP_TRUNCATE, NULL);
    struct archive a = { .data = NULL };
    zip_stat_t st;

    assert_non_null(z);
    zip_source_keep(s);
    for (; entries->name; entries++)
        add(z, entries);
    assert_int_equal(zip_close(z), 0);
    assert_int_equal(zip_source_stat(s, &st), 0);
    a.len = st.size;
    a.data = malloc(a.len);
    assert_non_null(a.data);
    assert_int_equal(zip_source_open(s), 0);
    assert_int_equal(zip_source_read(s, a.data, a.len), (zip_int64_t)a.len);
    (void)zip_source_close(s);
    zip_source_free(s);
    return a;
}

/* Changes every `from` to `to`, which is as long. */
static void replace(struct archive *a, const char *from, const char *to)
{
    for (char *at = a->data;
         (at = memmem(at, a->len - (size_t)(at - a->data), from, strlen(from)));)
        memcpy(at, to, strlen(to)); /* NOLINT(bugprone-not-null-terminated-result): bytes */
}

/* Frees the archive. says: what the error is, NULL: none. The caller clears *ret_bundle. */
static void read_archive(struct archive a, const struct bundle_bounds *bounds, const char *says,
                         struct bundle *ret_bundle)
{
    struct err e;

    *ret_bundle = (struct bundle){ .files = NULL };
    int rc = unzip_bytes(a.data, a.len, bounds, ret_bundle, &e);
    free(a.data);
    if (!says && rc < 0)
        fail_msg("%s", e.msg);
    if (!says)
        return;
    assert_int_equal(rc, -1);
    assert_int_equal(e.kind, ERR_INPUT);
    if (!strstr(e.msg, says))
        fail_msg("'%s' does not say '%s'", e.msg, says);
}

static void assert_refused(struct archive a, const struct bundle_bounds *bounds, const char *says)
{
    struct bundle b;

    read_archive(a, bounds, says, &b);
    bundle_clear(&b);
}

static void only_what_is_wanted_is_taken(void **state)
{
    static const struct entry entries[] = {
        { .name = "tests/" },
        { .name = "tests/1.in" },
        { .name = "tests/1.ans", .stored = true },
        { .name = "./2.in" },
        { .name = "__MACOSX/tests/._1.in" },
        { .name = "__MACOSX/1.in" },
        { .name = "tests/.DS_Store" },
        { .name = "tests/.cache/3.in" },
        { .name = "tests/README" },
        { .name = "../README" },
        { .name = "link.in", .unix_mode = S_IFLNK | 0777 },
        { .name = "plain.in", .unix_mode = S_IFREG | 0644 },
        { .name = "video", .zeros = 8 << 20 },
        { .name = NULL },
    };
    static const char *const want[] = { "tests/1.in", "tests/1.ans", "2.in", "plain.in" };
    struct bundle b;

    (void)state;
    read_archive(make(entries), &tests_only, NULL, &b);
    assert_int_equal(b.len, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_string_equal(b.files[i].name, want[i]);
    assert_string_equal(b.files[0].bytes.data, "tests/1.in");
    assert_string_equal(b.files[1].bytes.data, "tests/1.ans");
    bundle_clear(&b);
}

static void what_cannot_be_read_is_named(void **state)
{
    static const struct {
        struct entry entry;
        const char *says;
    } cases[] = {
        { { .name = "s/1.in", .password = "x" }, "s/1.in: it is encrypted" },
        { { .name = "s/1.in", .method = ZIP_CM_BZIP2 }, "s/1.in: it is compressed by method 12" },
        { { .name = "s/1.in", .method = ZIP_CM_XZ }, "s/1.in: it is compressed by method 95" },
        { { .name = "s/../../1.in" }, "s/../../1.in: its path leads out of the archive" },
        { { .name = "../1.in" }, "../1.in: its path leads out" },
        { { .name = "/1.in" }, "/1.in: its path leads out" },
        { { .name = ".././1.in" }, "its path leads out" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct entry entries[] = { cases[i].entry, { .name = NULL } };
        struct archive a = make(entries);
        if (cases[i].entry.method)
            say_method(&a, cases[i].entry.method);
        assert_refused(a, &tests_only, cases[i].says);
    }
}

static void a_long_name_is_refused(void **state)
{
    char name[BUNDLE_NAME_MAX + 8];
    const struct entry entries[] = { { .name = name, .text = "x" }, { .name = NULL } };
    struct bundle b;

    (void)state;
    memset(name, 'n', sizeof name);
    (void)strcpy(name + BUNDLE_NAME_MAX - 3, ".in");
    read_archive(make(entries), &tests_only, NULL, &b);
    bundle_clear(&b);
    (void)strcpy(name + BUNDLE_NAME_MAX - 3, "n.in");
    assert_refused(make(entries), &tests_only, "nnn");
}

static void damage_is_seen(void **state)
{
    static const struct entry entries[] = {
        { .name = "1.in", .text = "some text that is stored", .stored = true },
        { .name = NULL },
    };
    struct archive a = make(entries);

    (void)state;
    replace(&a, "that is", "this is");
    assert_refused(a, &roomy, "1.in: CRC error");
    a = make(entries);
    a.len -= 30; /* without its directory */
    assert_refused(a, &roomy, "Not a zip archive");
    a = make(entries);
    memmove(a.data, a.data + 20, a.len - 20);
    a.len -= 20;
    assert_refused(a, &roomy, "inconsistent");
}

/* Every archive that begins as this one, and every one with a byte changed: never more than an
 * error. */
static void no_damage_does_harm(void **state)
{
    static const struct entry entries[] = { { .name = "a/1.in", .text = "aaaaaaaaaaaaaaaaaaaaaaa" },
                                            { .name = "1.ans", .text = "b" },
                                            { .name = NULL } };
    struct archive a = make(entries);
    struct err e;

    (void)state;
    for (size_t i = 0; i < 2 * a.len; i++) {
        size_t len = i < a.len ? i : a.len;
        char *copy = malloc(len + 1);
        struct bundle b = { .files = NULL };
        assert_non_null(copy);
        memcpy(copy, a.data, len);
        if (i >= a.len)
            copy[i - a.len] = (char)(copy[i - a.len] ^ 0xff);
        (void)!unzip_bytes(copy, len, &tests_only, &b, &e);
        bundle_clear(&b);
        free(copy);
    }
    free(a.data);
}

static void a_file_twice_is_an_error(void **state)
{
    static const struct entry entries[] = {
        { .name = "1.in" }, { .name = "1.ans" }, { .name = "1.iX" }, { .name = NULL }
    };
    struct archive a = make(entries);
    struct testset t = { .pairs = NULL };
    struct err e;

    (void)state;
    replace(&a, "1.iX", "1.in");
    read_archive(a, &tests_only, NULL, &t.bundle);
    assert_int_equal(testset_make(&t, &e), -1);
    assert_string_equal(e.msg, "1.in is there twice");
    testset_clear(&t);
}

/* What was held when it ended. */
static int count_held(void *ctx, size_t more, struct err *e)
{
    size_t *held = ctx;

    *held += more;
    return *held > 3 << 20 ? err_set(e, ERR_UNAVAILABLE, "enough") : 0;
}

static void bounds_hold_for_what_comes_out(void **state)
{
    static const struct entry bomb[] = { { .name = "1.in", .zeros = 64 << 20 }, { .name = NULL } };
    static const struct entry many[] = { { .name = "1.in", .zeros = 700 << 10 },
                                         { .name = "2.in", .zeros = 700 << 10 },
                                         { .name = NULL } };
    struct bundle_bounds two = { .files = 2, .bytes = 2 << 20 };
    struct archive a;
    size_t held = 0;
    struct bundle b;
    struct err e;

    (void)state;
    two.hold = count_held;
    two.ctx = &held;
    assert_refused(make(bomb), &two, "larger than 2097152 bytes together");
    assert_in_range(held, 2 << 20, (2 << 20) + (64 << 10));
    held = 0;
    read_archive(make(many), &two, NULL, &b);
    assert_int_equal(held, 1400 << 10);
    bundle_clear(&b);
    held = 0;
    two.bytes = 1 << 20;
    assert_refused(make(many), &two,
                   "2.in: with it the files are larger than 1048576 bytes together");
    held = 0;
    two.files = 1;
    two.bytes = 4 << 20;
    assert_refused(make(many), &two, "more than 1 files");

    held = 0; /* who counts may end it too */
    two.bytes = 100 << 20;
    a = make(bomb);
    b = (struct bundle){ .files = NULL };
    assert_int_equal(unzip_bytes(a.data, a.len, &two, &b, &e), -1);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    bundle_clear(&b);
    free(a.data);
}

/* Also those that nobody wants. */
static void entries_are_bounded(void **state)
{
    const struct bundle_bounds one = { .files = 1, .bytes = 1 << 20, .wants = testset_wants };
    static const struct entry five[] = { { .name = "a" }, { .name = "b" },    { .name = "c" },
                                         { .name = "d" }, { .name = "1.in" }, { .name = NULL } };
    struct bundle b;

    (void)state;
    assert_refused(make(five), &one, "more than 4 entries");
    read_archive(make(five + 1), &one, NULL, &b);
    assert_int_equal(b.len, 1);
    bundle_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_wanted_is_taken),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(a_long_name_is_refused),
        cmocka_unit_test(damage_is_seen),
        cmocka_unit_test(no_damage_does_harm),
        cmocka_unit_test(a_file_twice_is_an_error),
        cmocka_unit_test(bounds_hold_for_what_comes_out),
        cmocka_unit_test(entries_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
