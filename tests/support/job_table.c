#include "tests/support/job_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/text.h"
#include "schema/store/db.h"
#include "schema/store/jobs_read.h"
#include "schema/store/outbox.h"
#include "tests/support/assert_err.h"
#include "tests/support/postgres.h"
#include "tests/support/scratch.h"

static const char *settled_url; /* of the table in a database, if it is in one */

static void assert_one(struct db *d, const char *sql, int64_t *ret_number)
{
    struct err e = { 0 };

    if (db_number(d, sql, ret_number, &e) < 0)
        fail_msg("%s: %s", sql, e.msg);
}

void job_table_settle(struct jobs *j)
{
    CLEANUP(db_closep) struct db *d = NULL;
    struct jobs_counts counts;
    struct err e = { 0 };
    int64_t last, rows, outbox_rows, oldest_ms, unnumbered;

    if (!settled_url)
        return;
    if (db_connect(settled_url, DB_READER, &d, &e) < 0)
        fail_msg("%s", e.msg);
    assert_one(d, "SELECT count(*) FROM outbox", &rows);
    for (int i = 0; i < 2000; i++) {
        assert_one(d,
                   "SELECT (SELECT count(*) FROM feed WHERE number IS NULL)"
                   " + (SELECT count(*) FROM outbox WHERE number IS NULL)",
                   &unnumbered);
        assert_one(d, "SELECT coalesce(max(number), 0) FROM feed", &last);
        jobs_counts(j, &counts);
        outbox_counts(j, &outbox_rows, &oldest_ms);
        if (unnumbered == 0 && counts.revision >= last && outbox_rows == rows)
            return;
        (void)usleep(5000);
    }
    fail_msg("the change %lld is not heard of", (long long)last);
}

void job_table_open(struct job_table *t)
{
    struct err e = { 0 };

    t->config.dir = t->dir;
    t->config.url = settled_url = t->url;
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
    const char *store = getenv("SCRC_TEST_STORE");

    if (store && strcmp(store, "postgres") == 0)
        t->url = postgres_url();
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
    if (t->url)
        postgres_drop(t->url);
    free(t);
    return 0;
}

bool job_table_in_file(const struct job_table *t) { return !t->url; }

void job_table_only_in_file(const struct job_table *t)
{
    if (t->url)
        skip();
}

static struct db *connect_to(const struct job_table *t, enum db_mode mode)
{
    struct db *d = NULL;
    char path[250];
    struct err e = { 0 };

    (void)snprintf(path, sizeof path, "%s/scrc.db", t->dir);
    if ((t->url ? db_connect(t->url, mode, &d, &e) : db_open(path, mode, &d, &e)) < 0)
        fail_msg("%s", e.msg);
    return d;
}

int64_t job_table_ask(const struct job_table *t, const char *sql)
{
    CLEANUP(db_closep) struct db *d = connect_to(t, DB_READER);
    struct err e = { 0 };
    int64_t number = -1;

    if (db_number(d, sql, &number, &e) < 0)
        fail_msg("%s: %s", sql, e.msg);
    return number;
}

void job_table_write(const struct job_table *t, const char *sql)
{
    CLEANUP(db_closep) struct db *d = connect_to(t, DB_WRITER);
    struct err e = { 0 };

    if (db_exec(d, sql, &e) < 0)
        fail_msg("%s: %s", sql, e.msg);
}

void job_table_assert_sound(const struct job_table *t)
{
    if (t->url)
        return;
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM pragma_integrity_check"
                                      " WHERE integrity_check <> 'ok'"),
                     0);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}
