/* tests/support/fleet.h - servers that share a database, as far as the store knows them: a server
 * is a lease, its work are rows that were claimed in its name.
 *
 * Threads  not locked: the main thread alone.
 * Errors   each fails the test.
 */
#pragma once

#include "schema/store/db.h"
#include "schema/store/postgres/postgres_lease.h"

#define FLEET_TIMEOUT_MS 1000LL

struct fleet {
    const char *url;
    struct db *d;
};

/* cmocka's set-up and tear-down, with a new database; *state is a struct fleet. FLEET_OWN: on a
 * server of the test's own, which it may end. */
int fleet_setup(void **state);
int fleet_teardown(void **state);
int fleet_setup_own(void **state);
int fleet_teardown_own(void **state);
#define FLEET(test)     cmocka_unit_test_setup_teardown(test, fleet_setup, fleet_teardown)
#define FLEET_OWN(test) cmocka_unit_test_setup_teardown(test, fleet_setup_own, fleet_teardown_own)

/* ---- what is stored ---- */

void fleet_run(const struct fleet *f, const char *sql);
int64_t fleet_number(const struct fleet *f, const char *sql);
/* Until the number is at least this. */
void fleet_wait(const struct fleet *f, const char *sql, int64_t want);
/* Until the server has raised its beat so many times from now on. */
void fleet_wait_beats(const struct fleet *f, const char *instance, int64_t beats);

/* Rows that a server runs; odd ones are only claimed ahead. */
void fleet_add_rows(const struct fleet *f, const char *instance, int rows, int restarts);

/* How many of them were queued again, once. */
#define FLEET_QUEUED_AGAIN                                                                         \
    "SELECT count(*) FROM job WHERE state = 0 AND claim IS NULL AND instance IS NULL"              \
    " AND claimed_ms IS NULL AND attempts = 1 AND restarts = 1"

/* ---- servers ---- */

struct fleet_name {
    char text[64];
};

/* A server on a directory of its own, in this process. lost: what it is called when it loses its
 * name; NULL: it may not. */
struct postgres_lease *fleet_start(const struct fleet *f, const char *instance, int64_t timeout_ms,
                                   struct fleet_name *lost);

/* A server that is a process, one at a time; before this process has threads. The tear-down kills
 * it. */
void fleet_spawn(const struct fleet *f, const char *instance, int64_t timeout_ms);
void fleet_hold(void); /* until it is stopped */
void fleet_let_go(void);
void fleet_kill(void);
/* Waits for the name that it has taken in the place of a lost one. */
void fleet_next_name(struct fleet_name *ret_name);
