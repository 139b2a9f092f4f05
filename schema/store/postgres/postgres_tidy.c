#include "schema/store/postgres/postgres_tidy.h"

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/postgres/postgres_feed.h"
#include "schema/store/postgres/postgres_locks.h"

#define FEED_ROWS    1000
#define FEED_KEPT_MS (3600 * 1000LL)

/* At the same time two servers would delete the same rows. */
static int get_lock(struct db *d, bool *ret_got, struct err *e)
{
    static const char lock[] = "SELECT pg_try_advisory_xact_lock(" POSTGRES_LOCK_TIDY ")";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, lock, e);
    if (!q || db_step(q, e) < 0)
        return -1;
    *ret_got = db_int(q, 0) != 0;
    return 0;
}

/* The newest row stays: it says which number was the last one. */
static int delete_feed(struct db *d, struct err *e)
{
    static const char delete[] =
        "DELETE FROM feed WHERE number IN (SELECT number FROM (SELECT number, created_ms FROM feed"
        " WHERE number IS NOT NULL ORDER BY number LIMIT ?2) AS oldest"
        " WHERE created_ms < " POSTGRES_FEED_NOW_MS " - ?1"
        " AND number < (SELECT max(number) FROM feed))";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, delete, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, FEED_KEPT_MS);
    db_bind_int(q, 2, FEED_ROWS);
    return db_run(q, e);
}

/* A claim whose server has no row, because that was deleted while the server was paused, gets one
 * that is over: so there is one rule for what is released. A server adds its row before it claims.
 */
static int adopt_claims(struct db *d, struct err *e)
{
    static const char insert[] =
        "INSERT INTO server(instance, directory, host, version, slots, started_ms, over)"
        " SELECT DISTINCT instance, '', '', '', 0, 0, 1 FROM job WHERE claim IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM server s WHERE s.instance = job.instance)"
        " ON CONFLICT DO NOTHING";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, insert, e);
    return q ? db_run(q, e) : -1;
}

/* Here the clock of the database may be wrong: a server that has no row counts as over. */
static int delete_servers(struct db *d, struct err *e)
{
    static const char delete[] = "DELETE FROM server WHERE over = 1"
                                 " AND last_seen < now() - interval '1 day'"
                                 " AND NOT EXISTS (SELECT 1 FROM job"
                                 " WHERE job.instance = server.instance"
                                 " AND job.claim IS NOT NULL)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, delete, e);
    return q ? db_run(q, e) : -1;
}

/* Of servers that were killed and whose directory no server uses any more. A server that lives has
 * a row of table server. Only one that stood still for more than a day, right behind a COMMIT, does
 * not find its row, and repeats that group: its claims are lost by then and its client is gone. */
static int delete_writers(struct db *d, struct err *e)
{
    static const char delete[] = "DELETE FROM writer WHERE NOT EXISTS (SELECT 1 FROM server"
                                 " WHERE server.directory = writer.directory)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, delete, e);
    return q ? db_run(q, e) : -1;
}

/* The whole feed first. */
static int tidy(struct db *d, bool *ret_more, struct err *e)
{
    bool got = false;

    *ret_more = false;
    if (get_lock(d, &got, e) < 0)
        return -1;
    if (!got)
        return 0;
    if (delete_feed(d, e) < 0)
        return -1;
    *ret_more = db_changes(d) == FEED_ROWS;
    if (*ret_more)
        return 0;
    return adopt_claims(d, e) < 0 || delete_servers(d, e) < 0 ? -1 : delete_writers(d, e);
}

int postgres_tidy(struct db *d, struct err *e)
{
    bool more;

    if (db_begin(d, e) < 0)
        return -1;
    if (tidy(d, &more, e) < 0) {
        db_rollback(d);
        return -1;
    }
    return db_commit(d, e) < 0 ? -1 : more;
}
