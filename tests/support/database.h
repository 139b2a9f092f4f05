/* tests/support/database.h - a database of a test's own in a real PostgreSQL, and two connections
 * to it. Failures fail the test. */
#pragma once

#include <stdint.h>

#include "schema/base/clock.h"

struct db;
struct err;

#define DATABASE_PATIENCE_NS (20 * NS_PER_S)

/* With the tables t(i BIGINT PRIMARY KEY, b BYTEA) and child(of BIGINT REFERENCES t(i)). */
struct database {
    const char *url;
    struct db *d, *other;
};

/* cmocka's set-up and tear-down; *state is a struct database. */
int database_setup(void **state);
int database_teardown(void **state);
#define WITH_DATABASE(test) cmocka_unit_test_setup_teardown(test, database_setup, database_teardown)

/* The number that a statement gives; waits until it is `want`. */
int64_t database_number(struct db *d, const char *sql);
void database_wait(struct db *d, const char *sql, int64_t want);

/* Runs one statement. */
int database_run(struct db *d, const char *sql, struct err *e);
