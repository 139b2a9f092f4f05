#include "schema/store/postgres/postgres_timeline.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/postgres/db_postgres.h"

/* More than a replica can lag behind. */
#define SKIPPED "1000000000"

static int read_timeline(struct db *d, char out[POSTGRES_TIMELINE_SIZE], struct err *e)
{
    static const char select[] =
        "SELECT substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q || db_step(q, e) < 0)
        return -1;
    (void)snprintf(out, POSTGRES_TIMELINE_SIZE, "%s", db_text(q, 0, NULL));
    return 0;
}

int postgres_timeline_changed(struct db *d, struct postgres_timeline *t, struct err *e)
{
    char name[POSTGRES_TIMELINE_SIZE];

    if (t->connection != 0 && db_postgres_number(d) == t->connection)
        return 0;
    if (read_timeline(d, name, e) < 0)
        return -1;
    int changed = t->name[0] != '\0' && strcmp(name, t->name) != 0;
    memcpy(t->name, name, sizeof name);
    t->connection = db_postgres_number(d);
    return changed;
}

int postgres_timeline_epoch(struct db *d, const struct postgres_timeline *t,
                            char out[POSTGRES_TIMELINE_EPOCH_SIZE], struct err *e)
{
    static const char select[] = "SELECT system_identifier FROM pg_control_system()";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q || db_step(q, e) < 0)
        return -1;
    (void)snprintf(out, POSTGRES_TIMELINE_EPOCH_SIZE, "%016llx.%s",
                   (unsigned long long)db_int(q, 0), t->name + strspn(t->name, "0"));
    return 0;
}

int postgres_timeline_open(struct db *d, struct err *e)
{
    static const char insert[] = "INSERT INTO meta(name, value) VALUES('timeline', ?1)"
                                 " ON CONFLICT(name) DO NOTHING";
    char name[POSTGRES_TIMELINE_SIZE];

    if (read_timeline(d, name, e) < 0)
        return -1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, insert, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, name);
    return db_run(q, e);
}

/* 1: the numbers of this timeline begin behind all others already; 0; -1. */
static int is_entered(struct db *d, const char *select, const char *name, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    int n = q ? db_step(q, e) : -1;

    return n < 0 ? -1 : n > 0 && strcmp(db_text(q, 0, NULL), name) == 0;
}

static int store_timeline(struct db *d, const char *name, struct err *e)
{
    static const char update[] = "UPDATE meta SET value = ?1 WHERE name = 'timeline'";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, update, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, name);
    return db_run(q, e);
}

/* What a sequence has given stays given when the transaction is rolled back. */
static int skip_numbers(struct db *d, struct err *e)
{
    static const char skip[] = "SELECT setval(s.name, nextval(s.name) + " SKIPPED ") FROM (VALUES"
                               " ('feed_number'::regclass), ('outbox_number'::regclass),"
                               " (pg_get_serial_sequence('job', 'seq')::regclass)) AS s(name)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, skip, e);
    return q ? db_run(q, e) : -1;
}

#define STORED "SELECT value FROM meta WHERE name = 'timeline'"

/* Locks only in the rare case: a server that is stopped in this transaction holds up nobody else.
 */
static int enter(struct db *d, const char *name, struct err *e)
{
    static const char look[] = STORED, lock[] = STORED " /*pg FOR UPDATE */";

    int n = is_entered(d, look, name, e);
    if (n == 0)
        n = is_entered(d, lock, name, e);
    if (n != 0)
        return n < 0 ? -1 : 0;
    return skip_numbers(d, e) < 0 ? -1 : store_timeline(d, name, e);
}

int postgres_timeline_begin(struct db *d, struct postgres_timeline *t, struct err *e)
{
    struct postgres_timeline now = *t;

    if (db_begin(d, e) < 0)
        return -1;
    if (db_postgres_number(d) == t->connection)
        return 0;
    if (postgres_timeline_changed(d, &now, e) < 0 || enter(d, now.name, e) < 0) {
        db_rollback(d);
        return -1;
    }
    *t = now;
    return 0;
}
