#include "tests/support/database.h"

#include <stdlib.h>

#include "schema/store/db.h"
#include "tests/support/assert_err.h"
#include "tests/support/postgres.h"

int database_setup(void **state)
{
    struct database *b = calloc(1, sizeof *b);

    b->url = postgres_url();
    ASSERT_OK(db_connect(b->url, DB_WRITER, &b->d, e));
    ASSERT_OK(db_connect(b->url, DB_WRITER, &b->other, e));
    ASSERT_OK(db_exec(b->d,
                      "CREATE TABLE t(i BIGINT PRIMARY KEY, b BYTEA);"
                      "CREATE TABLE child(of BIGINT REFERENCES t(i))",
                      e));
    *state = b;
    return 0;
}

int database_teardown(void **state)
{
    struct database *b = *state;

    b->d = db_close(b->d);
    b->other = db_close(b->other);
    postgres_drop(b->url);
    free(b);
    return 0;
}

int64_t database_number(struct db *d, const char *sql)
{
    int64_t n = INT64_MIN;

    ASSERT_OK(db_number(d, sql, &n, e));
    return n;
}

int database_run(struct db *d, const char *sql, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare_once(d, sql, e);
    return q ? db_run(q, e) : -1;
}

void database_wait(struct db *d, const char *sql, int64_t want)
{
    int64_t until = clock_mono_ns() + DATABASE_PATIENCE_NS;

    while (database_number(d, sql) != want)
        if (clock_mono_ns() > until)
            fail_msg("%s does not become %lld", sql, (long long)want);
}
