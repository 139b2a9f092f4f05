/* tests/support/job_table.h - a job table in a directory of its own, and what is in its file. */
#pragma once

#include "schema/store/jobs.h"

struct job_table {
    char dir[200];
    struct jobs_config config; /* a test that changes it opens the table again */
    struct jobs *j;
};

/* cmocka's set-up and tear-down; *state is a struct job_table. */
int job_table_setup(void **state);
int job_table_teardown(void **state);
#define ON_TABLE(test) cmocka_unit_test_setup_teardown(test, job_table_setup, job_table_teardown)

void job_table_open(struct job_table *t);
void job_table_reopen(struct job_table *t);

/* The one number that an SQL statement gives, on a connection of its own: what is really in the
 * file. */
int64_t job_table_ask(const struct job_table *t, const char *sql);
void job_table_write(const struct job_table *t, const char *sql);

/* Fails the test unless SQLite finds the file whole. */
void job_table_assert_sound(const struct job_table *t);
