/* tests/support/job_table.h - a job table of a test's own, and what is in it. It is in a file, or
 * with SCRC_TEST_STORE=postgres in a database of its own. */
#pragma once

#include "schema/store/jobs.h"

struct job_table {
    char dir[200];
    const char *url;           /* NULL: in a file */
    struct jobs_config config; /* a test that changes it opens the table again */
    struct jobs *j;
};

/* cmocka's set-up and tear-down; *state is a struct job_table. */
int job_table_setup(void **state);
int job_table_teardown(void **state);
#define ON_TABLE(test) cmocka_unit_test_setup_teardown(test, job_table_setup, job_table_teardown)

void job_table_open(struct job_table *t);
void job_table_reopen(struct job_table *t);

/* Is it in a file? Then the test may look at what only a file has. */
bool job_table_in_file(const struct job_table *t);
/* Skips the test if it is not. */
void job_table_only_in_file(const struct job_table *t);

/* Waits until this server has heard of all that is committed: at once for a table in a file. */
void job_table_settle(struct jobs *j);

/* The one number that an SQL statement gives, on a connection of its own: what is really stored. */
int64_t job_table_ask(const struct job_table *t, const char *sql);
void job_table_write(const struct job_table *t, const char *sql);

/* Fails the test unless SQLite finds the file whole; nothing for a database. */
void job_table_assert_sound(const struct job_table *t);
