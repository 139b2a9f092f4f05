#include "tests/support/job_table.h"

#include <pthread.h>
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

/* Of the table in a database, if it is in one: its URL, and a connection that asks how far it is.
 */
static const char *settled_url;
static struct db *settled;
static pthread_mutex_t settled_lock = PTHREAD_MUTEX_INITIALIZER;

static void forget_settled(void)
{
    (void)pthread_mutex_lock(&settled_lock);
    settled = db_close(settled);
    (void)pthread_mutex_unlock(&settled_lock);
}

/* *ret_last: of changes; INT64_MAX: some have no number yet. */
static int ask_settled(int64_t *ret_last, int64_t *ret_outbox_rows, struct err *e)
{
    static const char last[] = "SELECT CASE WHEN EXISTS(SELECT 1 FROM feed WHERE number IS NULL)"
                               " OR EXISTS(SELECT 1 FROM outbox WHERE number IS NULL)"
                               " THEN 9223372036854775807"
                               " ELSE (SELECT coalesce(max(number), 0) FROM feed) END";

    (void)pthread_mutex_lock(&settled_lock);
    int result = settled ? 0 : db_connect(settled_url, DB_READER, &settled, e);
    if (result == 0)
        result = db_number(settled, last, ret_last, e);
    if (result == 0)
        result = db_number(settled, "SELECT count(*) FROM outbox", ret_outbox_rows, e);
    (void)pthread_mutex_unlock(&settled_lock);
    return result;
}

void job_table_settle(struct jobs *j)
{
    struct jobs_counts counts;
    struct err e = { 0 };
    int64_t last = INT64_MAX, rows = 0, outbox_rows, oldest_ms;

    if (!settled_url)
        return;
    for (int i = 0; i < 10000; i++) {
        if (last == INT64_MAX && ask_settled(&last, &rows, &e) < 0)
            fail_msg("%s", e.msg);
        jobs_counts(j, &counts);
        outbox_counts(j, &outbox_rows, &oldest_ms);
        if (counts.revision >= last && outbox_rows == rows)
            return;
        (void)usleep(1000);
    }
    fail_msg("the change %lld is not heard of", (long long)last);
}

void job_table_open(struct job_table *t)
{
    struct err e = { 0 };

    forget_settled();
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
    forget_settled();
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
