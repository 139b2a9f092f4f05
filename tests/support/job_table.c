#include "tests/support/job_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/base/text.h"
#include "schema/store/db.h"
#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/scratch.h"

void job_table_open(struct job_table *t)
{
    struct err e = { 0 };

    t->config.dir = t->dir;
    if (jobs_open(&t->config, &t->j, &e) < 0)
        fail_msg("%s", e.msg);
}

void job_table_reopen(struct job_table *t)
{
    t->j = jobs_close(t->j);
    job_table_open(t);
}

int job_table_setup(void **state)
{
    struct job_table *t = calloc(1, sizeof *t);

    (void)snprintf(t->dir, sizeof t->dir, "/tmp/test_jobs.XXXXXX");
    assert_int_equal(text_init(), 0);
    assert_non_null(mkdtemp(t->dir));
    t->config = (struct jobs_config){ .instance = "one", .max_queued = 1000000 };
    job_table_open(t);
    *state = t;
    return 0;
}

int job_table_teardown(void **state)
{
    struct job_table *t = *state;

    t->j = jobs_close(t->j);
    scratch_remove(t->dir);
    free(t);
    return 0;
}

int64_t job_table_ask(const struct job_table *t, const char *sql)
{
    CLEANUP(db_closep) struct db *d = NULL;
    char path[250];
    struct err e = { 0 };
    int64_t number = -1;

    (void)snprintf(path, sizeof path, "%s/scrc.db", t->dir);
    if (db_open(path, DB_READER, &d, &e) < 0 || db_number(d, sql, &number, &e) < 0)
        fail_msg("%s: %s", sql, e.msg);
    return number;
}

void job_table_write(const struct job_table *t, const char *sql)
{
    CLEANUP(db_closep) struct db *d = NULL;
    char path[250];
    struct err e = { 0 };

    (void)snprintf(path, sizeof path, "%s/scrc.db", t->dir);
    if (db_open(path, DB_WRITER, &d, &e) < 0 || db_exec(d, sql, &e) < 0)
        fail_msg("%s: %s", sql, e.msg);
}

void job_table_assert_sound(const struct job_table *t)
{
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM pragma_integrity_check"
                                      " WHERE integrity_check <> 'ok'"),
                     0);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}
