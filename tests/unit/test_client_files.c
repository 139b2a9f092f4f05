#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include <cmocka.h>

#include "client/body.h"
#include "client/bundle_read.h"
#include "client/language_list.h"
#include "client/sources.h"
#include "client/testset_read.h"
#include "schema/base/base.h"
#include "schema/base/err.h"
#include "schema/bundle/bundle.h"
#include "schema/bundle/testset.h"
#include "tests/support/scratch.h"

struct place {
    char dir[40], path[80];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);

    (void)snprintf(p->dir, sizeof p->dir, "/tmp/scrc-client.XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    *state = p;
    return 0;
}

static int drop_place(void **state)
{
    struct place *p = *state;

    scratch_remove(p->dir);
    free(p);
    return 0;
}

/* A file; its folders are made. The path is good until the next call. */
static const char *write_file(struct place *p, const char *name, const char *text)
{
    (void)snprintf(p->path, sizeof p->path, "%s/%s", p->dir, name);
    for (char *slash = p->path + strlen(p->dir) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        assert_true(mkdir(p->path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *f = fopen(p->path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return p->path;
}

/* An archive of these names, NULL-terminated, each with its name as text, or with `zeros` bytes. */
static const char *write_zip(struct place *p, const char *const *names, size_t zeros)
{
    char *zero = calloc(1, zeros + 1);

    (void)snprintf(p->path, sizeof p->path, "%s/a.zip", p->dir);
    zip_t *z = zip_open(p->path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(z);
    for (size_t i = 0; names[i]; i++) {
        zip_source_t *s =
            zip_source_buffer(z, zeros ? zero : names[i], zeros ? zeros : strlen(names[i]), 0);
        assert_true(zip_file_add(z, names[i], s, ZIP_FL_ENC_UTF_8) >= 0);
    }
    assert_int_equal(zip_close(z), 0);
    free(zero);
    return p->path;
}

/* ---- bundles ---- */

static const struct bundle_bounds roomy = { .files = 100, .bytes = 1 << 20 };

static void files_come_in_natural_order(void **state)
{
    struct bundle b;
    struct err e;

    write_file(*state, "d/10.in", "");
    write_file(*state, "d/9.in", "");
    write_file(*state, "d/sub/2.in", "");
    write_file(*state, "d/.hidden/1.in", "");
    write_file(*state, "d/__MACOSX/1.in", "");
    write_file(*state, "d/100.in", "");
    struct place *p = *state;
    (void)snprintf(p->path, sizeof p->path, "%s/d/", p->dir);
    assert_int_equal(bundle_read(p->path, &roomy, &b, &e), 0);
    assert_int_equal(b.len, 4);
    assert_string_equal(b.files[0].name, "9.in");
    assert_string_equal(b.files[1].name, "10.in");
    assert_string_equal(b.files[2].name, "100.in");
    assert_string_equal(b.files[3].name, "sub/2.in");
    bundle_clear(&b);
}

static void a_link_is_not_followed(void **state)
{
    struct place *p = *state;
    struct bundle b;
    struct err e;
    char link[80];

    write_file(p, "d/a.py", "x");
    (void)snprintf(link, sizeof link, "%s/d/b.py", p->dir);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    (void)snprintf(p->path, sizeof p->path, "%s/d", p->dir);
    assert_int_equal(bundle_read(p->path, &roomy, &b, &e), 0);
    assert_int_equal(b.len, 1);
    bundle_clear(&b);
}

static void zip_is_read_as_a_directory_is(void **state)
{
    static const char *const names[] = { "10.py", "9.py", "__MACOSX/9.py", ".x", NULL };
    struct bundle b;
    struct err e;

    assert_int_equal(bundle_read(write_zip(*state, names, 0), &roomy, &b, &e), 0);
    assert_int_equal(b.len, 2);
    assert_string_equal(b.files[0].name, "9.py");
    assert_string_equal(b.files[1].bytes.data, "10.py");
    bundle_clear(&b);
}

static void zip_bomb_ends_with_an_error(void **state)
{
    static const char *const one[] = { "bomb", NULL }, *const many[] = { "a", "b", "c", "d", NULL };
    const struct bundle_bounds small = { .files = 3, .bytes = 1 << 20 };
    struct bundle b;
    struct err e;

    assert_int_equal(bundle_read(write_zip(*state, one, 8 << 20), &small, &b, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.msg, "larger than 1048576 bytes together"));
    assert_null(b.files);
    /* each within the bound, together not */
    assert_int_equal(bundle_read(write_zip(*state, many, 700 << 10), &small, &b, &e), -1);
    assert_non_null(strstr(e.msg, "larger than 1048576 bytes together"));
    assert_int_equal(bundle_read(write_zip(*state, many, 0), &small, &b, &e), -1);
    assert_non_null(strstr(e.msg, "more than 3 files"));
}

static void damaged_zip_is_an_error(void **state)
{
    struct bundle b;
    struct err e;

    assert_int_equal(bundle_read(write_file(*state, "a.zip", "PK\3\4nonsense"), &roomy, &b, &e),
                     -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.msg, "a.zip"));
}

/* ---- tests ---- */

static void tests_are_pairs(void **state)
{
    struct place *p = *state;
    struct testset t;
    struct err e;

    write_file(p, "t/10.in", "ten");
    write_file(p, "t/10.out", "TEN");
    write_file(p, "t/2.in", "two");
    write_file(p, "t/2.ans", "TWO\xff");
    write_file(p, "t/secret/1.in", "");
    write_file(p, "t/secret/1.ans", "");
    write_file(p, "t/README", "no test");
    (void)snprintf(p->path, sizeof p->path, "%s/t", p->dir);
    assert_int_equal(testset_read(p->path, &t, &e), 0);
    json_auto_t *json = testset_json(&t);
    CLEANUP(freep) char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text,
                        "[{\"number\":1,\"input\":\"two\",\"expected_output_base64\":\"VFdP/w==\"},"
                        "{\"number\":2,\"input\":\"ten\",\"expected_output\":\"TEN\"},"
                        "{\"number\":3,\"input\":\"\",\"expected_output\":\"\"}]");
    assert_string_equal(t.pairs[2].name, "secret/1");
    testset_clear(&t);
}

static void half_a_pair_is_an_error(void **state)
{
    static const struct {
        const char *names[4], *says;
    } cases[] = {
        { { "1.in" }, "1.in has no answer (1.ans or .out)" },
        { { "1.out" }, "1.out has no input (1.in)" },
        { { "README" }, "it has no tests" },
        { { "1.in", "1.ans", "1.out" }, "1.ans and 1.out are answers of one test" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct testset t;
        struct err e;
        assert_int_equal(testset_read(write_zip(*state, cases[i].names, 0), &t, &e), -1);
        assert_int_equal(e.kind, ERR_INPUT);
        assert_non_null(strstr(e.msg, cases[i].says));
    }
}

/* ---- languages ---- */

static json_t *some_languages(void)
{
    return json_loads("[{\"name\":\"python\",\"source_name\":\"script.py\"},"
                      "{\"name\":\"cpp\",\"source_name\":\"main.cpp\"},"
                      "{\"name\":\"c\",\"source_name\":\"main.c\"},"
                      "{\"name\":\"pypy\",\"source_name\":\"x.py\"},"
                      "{\"name\":\"odd\",\"source_name\":\"noend\"}]",
                      0, NULL);
}

static void suffix_says_the_language(void **state)
{
    static const struct {
        const char *name, *language, *says;
    } cases[] = {
        { "a.c", "c", NULL },
        { "a.b/x.cpp", "cpp", NULL },
        { "x.CC", "cpp", NULL },
        { "x.cxx", "cpp", NULL },
        { "x.py", NULL,
          "several languages have this suffix; say which with --language: python "
          "(.py), pypy (.py)" },
        { "x.rs", NULL,
          "no language has this suffix; say which with --language: python (.py), cpp "
          "(.cpp), c (.c), pypy (.py), odd ()" },
        { "noend", NULL, "no language has this suffix" },
        { "a.c/noend", NULL, "no language has this suffix" },
    };
    json_auto_t *languages = some_languages();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *language;
        struct err e;
        int rc = language_list_find(languages, cases[i].name, &language, &e);
        assert_int_equal(rc, cases[i].language ? 0 : -1);
        if (rc == 0)
            assert_string_equal(language, cases[i].language);
        else
            assert_non_null(strstr(e.msg, cases[i].says));
    }
}

static void source_is_found_among_files(void **state)
{
    static const struct {
        const char *names[4], *asked, *language, *says;
        size_t len;
    } cases[] = {
        { { "README", "a/main.c" }, NULL, "c", NULL, 1 },
        { { "x.txt" }, "c", "c", NULL, 1 },
        { { "main.c", "main.cpp" }, NULL, NULL, "files in c and in cpp", 0 },
        { { "main.c", "main.cpp" }, "cpp", "cpp", NULL, 1 },
        { { "a.c", "b.c" }, NULL, "c", NULL, 2 },
        { { "README", "x.txt" }, NULL, NULL, "none of its 2 files has the suffix", 0 },
        { { "README", "x.c" }, "cpp", NULL, "none of its files has the suffix of cpp", 0 },
        { { ".x" }, NULL, NULL, "there are no files in it", 0 },
    };
    json_auto_t *languages = some_languages();

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sources s;
        struct err e;
        int rc =
            sources_read(write_zip(*state, cases[i].names, 0), languages, cases[i].asked, &s, &e);
        assert_int_equal(rc, cases[i].language ? 0 : -1);
        if (rc < 0) {
            assert_non_null(strstr(e.msg, cases[i].says));
            continue;
        }
        assert_string_equal(s.language, cases[i].language);
        assert_int_equal(s.files.len, cases[i].len);
        sources_clear(&s);
    }
}

/* ---- limits and labels ---- */

static void limits_have_units(void **state)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "time=2s", "{\"limits\":{\"time_limit_ms\":2000}}" },
        { "memory=64MiB", "{\"limits\":{\"memory_limit_bytes\":67108864}}" },
        { "wall=1.5s", "{\"limits\":{\"wall_time_limit_ms\":1500}}" },
        { "time_limit_ms=7", "{\"limits\":{\"time_limit_ms\":7}}" },
        { "time=2", NULL },
        { "memory=64", NULL },
        { "time=", NULL },
        { "time", NULL },
        { "=2", NULL },
        { "time_limit_ms=2s", NULL },
        { "a b=2", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_auto_t *body = json_object();
        struct err e;
        assert_int_equal(body_add_limit(body, cases[i].text, &e), cases[i].json ? 0 : -1);
        CLEANUP(freep) char *text = json_dumps(body, JSON_COMPACT);
        assert_string_equal(text, cases[i].json ? cases[i].json : "{}");
    }
}

static void labels_are_pairs(void **state)
{
    json_auto_t *body = json_object();
    struct err e;

    (void)state;
    assert_int_equal(body_add_label(body, "course=a=b", &e), 0);
    assert_int_equal(body_add_label(body, "empty=", &e), 0);
    assert_int_equal(body_add_label(body, "none", &e), -1);
    assert_int_equal(body_add_label(body, "=x", &e), -1);
    CLEANUP(freep) char *text = json_dumps(body, JSON_COMPACT);
    assert_string_equal(text, "{\"labels\":{\"course\":\"a=b\",\"empty\":\"\"}}");
}

int main(void)
{
#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, make_place, drop_place)
    const struct CMUnitTest tests[] = {
        IN_PLACE(files_come_in_natural_order),   IN_PLACE(a_link_is_not_followed),
        IN_PLACE(zip_is_read_as_a_directory_is), IN_PLACE(zip_bomb_ends_with_an_error),
        IN_PLACE(damaged_zip_is_an_error),       IN_PLACE(tests_are_pairs),
        IN_PLACE(half_a_pair_is_an_error),       cmocka_unit_test(suffix_says_the_language),
        IN_PLACE(source_is_found_among_files),   cmocka_unit_test(limits_have_units),
        cmocka_unit_test(labels_are_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
