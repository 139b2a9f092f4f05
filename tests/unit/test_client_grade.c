/* tests/unit/test_client_grade.c - a class is graded by many threads, over the real HTTP edge and
 * without an engine. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/grade_class.h"
#include "client/grade_student.h"
#include "client/transport.h"
#include "schema/base/err.h"
#include "tests/support/assert_err.h"
#include "tests/support/http_client.h"
#include "tests/support/scratch.h"
#include "tests/support/site.h"

#define STUDENTS 12

struct course {
    struct site site;
    char dir[40], paths[STUDENTS][60], url[60];
    struct grade_student students[STUDENTS];
    struct grade_common common;
    pthread_t judge;
    atomic_bool over;
};

static void *judge_main(void *arg)
{
    struct course *c = arg;

    while (!atomic_load(&c->over)) {
        site_finish_all(&c->site);
        (void)usleep(1000);
    }
    return NULL;
}

/* Student 3 has handed in nothing, student 7 the same as student 6; the queue has room for few. */
static int open_course(void **state)
{
    static const char *const settings[] = { "MAX_QUEUED=3", NULL };
    struct course *c = calloc(1, sizeof *c);
    struct err e;

    assert_non_null(c);
    site_open_with(&c->site, settings, 0, false);
    (void)snprintf(c->url, sizeof c->url, "http://127.0.0.1:%d", c->site.port);
    (void)snprintf(c->dir, sizeof c->dir, "/tmp/scrc-course.XXXXXX");
    assert_non_null(mkdtemp(c->dir));
    for (int i = 0; i < STUDENTS; i++) {
        (void)snprintf(c->paths[i], sizeof c->paths[i], "%s/s%d.py", c->dir, i);
        FILE *f = fopen(c->paths[i], "w");
        assert_non_null(f);
        if (i != 3)
            (void)fprintf(f, "print(%d)\n", i == 7 ? 6 : i);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(grade_student_init(&c->students[i], c->paths[i]), 0);
    }
    assert_ok(transport_start(&e), &e);
    c->common = (struct grade_common){ .language = "python",
                                       .members = strdup("{\"checker\":\"none\"}"),
                                       .patience_ms = 60000 };
    assert_int_equal(pthread_create(&c->judge, NULL, judge_main, c), 0);
    *state = c;
    return 0;
}

static int close_course(void **state)
{
    struct course *c = *state;

    atomic_store(&c->over, true);
    assert_int_equal(pthread_join(c->judge, NULL), 0);
    site_close(&c->site);
    for (int i = 0; i < STUDENTS; i++)
        grade_student_clear(&c->students[i]);
    free(c->common.members);
    scratch_remove(c->dir);
    free(c);
    return 0;
}

static int grade(struct course *c, struct grade_student *students, const char *url, struct err *e)
{
    const struct grade_class class = {
        .students = students, .len = STUDENTS, .jobs = 6, .common = &c->common, .url = url
    };
    return grade_class_run(&class, e);
}

static size_t rows_of(const struct course *c)
{
    json_auto_t *list = http_expect(http_get(&c->site, "GET", "/results?limit=500"), 200);

    return json_array_size(json_object_get(list, "results"));
}

static void each_is_judged_once(void **state)
{
    struct course *c = *state;
    struct grade_student again[STUDENTS];
    struct err e;

    assert_ok(grade(c, c->students, c->url, &e), &e);
    for (int i = 0; i < STUDENTS; i++) {
        const struct grade_student *s = &c->students[i];
        if (i != 3)
            assert_string_equal(s->error, "");
        assert_string_equal(s->verdict, i == 3 ? "" : "OK");
        assert_int_equal(s->id == NULL, i == 3);
        if (i == 3)
            assert_non_null(strstr(s->error, "s3.py is empty"));
    }
    assert_string_equal(c->students[6].id, c->students[7].id);
    assert_int_equal(rows_of(c), STUDENTS - 2);

    for (int i = 0; i < STUDENTS; i++)
        assert_int_equal(grade_student_init(&again[i], c->paths[i]), 0);
    assert_ok(grade(c, again, c->url, &e), &e);
    assert_int_equal(rows_of(c), STUDENTS - 2);
    for (int i = 0; i < STUDENTS; i++) {
        assert_string_equal(again[i].verdict, c->students[i].verdict);
        grade_student_clear(&again[i]);
    }
}

static void what_the_server_refuses_is_said_of_each(void **state)
{
    struct course *c = *state;
    struct err e;

    c->common.language = "cobol";
    assert_ok(grade(c, c->students, c->url, &e), &e);
    for (int i = 0; i < STUDENTS; i++) {
        if (i != 3)
            assert_non_null(strstr(c->students[i].error, "/language is not a language"));
        assert_string_equal(c->students[i].verdict, "");
    }
    assert_int_equal(rows_of(c), 0);
}

static void without_a_server_it_ends(void **state)
{
    struct course *c = *state;
    struct err e;

    c->common.patience_ms = 300;
    assert_int_equal(grade(c, c->students, "http://127.0.0.1:1", &e), -1);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "there is no server at http://127.0.0.1:1"));
}

int main(void)
{
#define IN_COURSE(f) cmocka_unit_test_setup_teardown(f, open_course, close_course)
    const struct CMUnitTest tests[] = {
        IN_COURSE(each_is_judged_once),
        IN_COURSE(what_the_server_refuses_is_said_of_each),
        IN_COURSE(without_a_server_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
