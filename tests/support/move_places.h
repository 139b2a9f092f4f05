/* tests/support/move_places.h - two places for a job table in files and one in a database, and what
 * is in them. A place is an address as scrc --move takes it.
 *
 * Threads  one at a time.
 * Errors   each fails the test, but for move_places_run().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "schema/store/move/move.h"

struct move_places {
    char dir[64], file[80], other[100]; /* a directory, and two places in it */
    const char *database;               /* an empty database */
    int64_t told;                       /* what the last move has copied: rows of its slices */
};

/* cmocka's set-up and tear-down; *state is a struct move_places. */
int move_places_setup(void **state);
int move_places_teardown(void **state);
#define MOVES(test) cmocka_unit_test_setup_teardown(test, move_places_setup, move_places_teardown)

/* move_run(); servers of these places that give no sign for a second are dead. */
int move_places_run(struct move_places *p, const char *from, const char *to, struct move_result *r,
                    struct err *e);

bool move_places_in_file(const char *place);
/* The settings of a server there; p->dir is the DATA_DIR of those of a database. */
struct jobs_config move_places_config(const struct move_places *p, const char *place);
struct jobs *move_places_open(const struct move_places *p, const char *place);
struct db *move_places_db(const char *place);
void move_places_write(const char *place, const char *sql);
int64_t move_places_ask(const char *place, const char *sql);

/* Makes a table that servers have worked on and left, with rows in every table that is moved, and
 * each column filled in some row: submissions `done` and `queued`, text 5 and 6. */
void move_places_fill(const struct move_places *p, const char *place);

/* All columns of all rows that are moved, compared with other statements than those of a move. */
void move_places_assert_same(const char *a, const char *b);
