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

/* Others wait here until this transaction has ended. */
static int read_stored(struct db *d, char out[POSTGRES_TIMELINE_SIZE], struct err *e)
{
    static const char insert[] =
        "INSERT INTO meta(name, value) VALUES('timeline', '') ON CONFLICT(name) DO NOTHING";
    static const char select[] =
        "SELECT value FROM meta WHERE name = 'timeline' /*pg FOR UPDATE */";
    CLEANUP(db_donep) struct db_stmt *put = db_prepare(d, insert, e);
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!put || !q || db_run(put, e) < 0 || db_step(q, e) < 0)
        return -1;
    (void)snprintf(out, POSTGRES_TIMELINE_SIZE, "%s", db_text(q, 0, NULL));
    return 0;
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

static int enter(struct db *d, const char *name, struct err *e)
{
    char stored[POSTGRES_TIMELINE_SIZE];

    if (read_stored(d, stored, e) < 0)
        return -1;
    if (strcmp(stored, name) == 0)
        return 0;
    if (stored[0] && skip_numbers(d, e) < 0)
        return -1;
    return store_timeline(d, name, e);
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
