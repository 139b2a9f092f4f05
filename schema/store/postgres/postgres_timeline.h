/* schema/store/postgres/postgres_timeline.h - a replica that was promoted may lack what was
 * committed last: PostgreSQL calls what it goes on with another timeline.
 *
 * Servers remember what is lost: a waiting client's row, the last change that was read. So numbers
 * of rows and changes are never given a second time: the first transaction of a timeline that gives
 * any takes the sequences far beyond those that may be lost. Claims are random anyway.
 *
 * Room     schema/store/postgres.
 * Owns     nothing.
 * Threads  as the connection.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"

struct db;
struct err;

#define POSTGRES_TIMELINE_SIZE 9 /* 8 hexadecimal digits */

/* What one connection has seen. All 0: nothing yet. */
struct postgres_timeline {
    unsigned connection; /* db_postgres_number() when it was looked at */
    char name[POSTGRES_TIMELINE_SIZE];
};

/* Of a new database: its timeline is the first. */
NODISCARD int postgres_timeline_open(struct db *d, struct err *e);

/* 1: the database goes on with another timeline than at the last call; 0; -1. Asks when the
 * connection is a new one; *t is then brought up to date. */
NODISCARD int postgres_timeline_changed(struct db *d, struct postgres_timeline *t, struct err *e);

/* What tells this timeline from all others, of all databases: the system's identifier, and the
 * timeline without zeros in front. t: one that was looked at. */
#define POSTGRES_TIMELINE_EPOCH_SIZE 28
NODISCARD int postgres_timeline_epoch(struct db *d, const struct postgres_timeline *t,
                                      char out[POSTGRES_TIMELINE_EPOCH_SIZE], struct err *e);

/* db_begin() of a transaction that gives numbers. t: as above. */
NODISCARD int postgres_timeline_begin(struct db *d, struct postgres_timeline *t, struct err *e);
