#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "client/csv_file.h"
#include "client/grade_student.h"
#include "schema/base/base.h"
#include "schema/base/err.h"
#include "tests/support/scratch.h"

struct place {
    char dir[40], path[60];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);

    (void)snprintf(p->dir, sizeof p->dir, "/tmp/scrc-csv.XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->path, sizeof p->path, "%s/a.csv", p->dir);
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

static size_t count_files(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));)
        n += entry->d_name[0] != '.';
    (void)closedir(d);
    return n;
}

static void fields_are_quoted_where_they_must(void **state)
{
    struct place *p = *state;
    struct csv_file c;
    struct err e;
    struct stat st;

    (void)umask(022);
    assert_int_equal(csv_file_open(p->path, &c, &e), 0);
    csv_file_text(&c, "plain, not");
    csv_file_text(&c, "say \"so\"");
    csv_file_text(&c, "two\r\nlines");
    csv_file_text(&c, NULL);
    csv_file_text(&c, "");
    csv_file_number(&c, -7);
    csv_file_text(&c, " blanks ");
    csv_file_end_line(&c);
    csv_file_text(&c, "=cmd|' /C calc'!A0");
    csv_file_text(&c, "-1+1");
    csv_file_text(&c, "@x,");
    csv_file_text(&c, "-");
    csv_file_text(&c, "a=b");
    csv_file_end_line(&c);
    csv_file_text(&c, "last");
    csv_file_end_line(&c);
    assert_int_equal(csv_file_close(&c, &e), 0);
    CLEANUP(freep) char *text = scratch_read(p->path, NULL);
    assert_string_equal(text, "\"plain, not\",\"say \"\"so\"\"\",\"two\r\nlines\",,,-7, blanks \r\n"
                              "'=cmd|' /C calc'!A0,'-1+1,\"'@x,\",-,a=b\r\n"
                              "last\r\n");
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(count_files(p->dir), 1);
}

static void what_was_there_stays_until_the_end(void **state)
{
    struct place *p = *state;
    struct csv_file c;
    struct err e;

    assert_int_equal(csv_file_open(p->path, &c, &e), 0);
    csv_file_text(&c, "old");
    assert_int_equal(csv_file_close(&c, &e), 0);

    assert_int_equal(csv_file_open(p->path, &c, &e), 0);
    csv_file_text(&c, "new");
    CLEANUP(freep) char *before = scratch_read(p->path, NULL);
    assert_string_equal(before, "old");
    csv_file_abort(&c);
    csv_file_abort(&c);
    CLEANUP(freep) char *after = scratch_read(p->path, NULL);
    assert_string_equal(after, "old");
    assert_int_equal(count_files(p->dir), 1);
}

static void a_table_that_cannot_be_written_is_an_error(void **state)
{
    struct place *p = *state;
    struct csv_file c;
    struct err e;

    (void)snprintf(p->path, sizeof p->path, "%s/none/a.csv", p->dir);
    assert_int_equal(csv_file_open(p->path, &c, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.msg, "cannot be written"));
    /* a directory is in its place */
    (void)snprintf(p->path, sizeof p->path, "%s/d", p->dir);
    assert_int_equal(mkdir(p->path, 0700), 0);
    assert_int_equal(csv_file_open(p->path, &c, &e), 0);
    assert_int_equal(csv_file_close(&c, &e), -1);
    assert_int_equal(count_files(p->dir), 1);
}

static void students_are_named_after_their_files(void **state)
{
    static const struct {
        const char *path, *name;
    } cases[] = {
        { "a/alice.zip", "alice" }, { "bob.py", "bob" },     { "c/d/", "d" }, { "carol", "carol" },
        { ".hidden", ".hidden" },   { "x.tar.gz", "x.tar" }, { "/", "/" },    { "/dave.c", "dave" },
    };
    struct place *p = *state;
    struct grade_student s;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(grade_student_init(&s, cases[i].path), 0);
        assert_string_equal(s.name, cases[i].name);
        grade_student_clear(&s);
    }
    (void)snprintf(p->path, sizeof p->path, "%s/j.doe", p->dir);
    assert_int_equal(mkdir(p->path, 0700), 0);
    assert_int_equal(grade_student_init(&s, p->path), 0);
    assert_string_equal(s.name, "j.doe");
    grade_student_clear(&s);
}

int main(void)
{
#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, make_place, drop_place)
    const struct CMUnitTest tests[] = {
        IN_PLACE(fields_are_quoted_where_they_must),
        IN_PLACE(what_was_there_stays_until_the_end),
        IN_PLACE(a_table_that_cannot_be_written_is_an_error),
        IN_PLACE(students_are_named_after_their_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
