#include "schema/store/postgres/postgres_beat.h"

#include <limits.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/move/move_mark.h"

#define EXACT_NS (1 * NS_PER_S) /* an answer that took longer says nothing */

static int insert_server(struct db *d, const struct postgres_beat_server *s, struct err *e)
{
    static const char insert[] =
        "INSERT INTO server(instance, directory, host, version, slots, started_ms)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    char host[HOST_NAME_MAX + 1] = "?";

    (void)gethostname(host, sizeof host - 1);
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, insert, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, s->instance);
    db_bind_text(q, 2, s->directory);
    db_bind_text(q, 3, host);
    db_bind_text(q, 4, SCRC_VERSION);
    db_bind_int(q, 5, s->slots);
    db_bind_int(q, 6, s->started_ms);
    return db_run(q, e) < 0 ? -1 : db_changes(d) > 0;
}

/* A move of the table locks ours and then looks who has a row; we add the row and then look for its
 * mark. So one of us sees the other. */
int postgres_beat_begin(struct db *d, const struct postgres_beat_server *s, struct err *e)
{
    if (db_begin(d, e) < 0)
        return -1;
    int n = insert_server(d, s, e);
    if (n < 0 || move_mark_check(d, e) < 0) {
        db_rollback(d);
        return -1;
    }
    return db_commit(d, e) < 0 ? -1 : n;
}

int postgres_beat_succeed(struct db *d, const struct postgres_beat_server *s, struct err *e)
{
    static const char update[] = "UPDATE server SET over = 1 WHERE directory = ?1 AND over = 0"
                                 " AND instance <> ?2";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, update, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, s->directory);
    db_bind_text(q, 2, s->instance);
    return db_run(q, e);
}

/* A beat that a crash of the database takes back does no harm, so it does not wait for the disk:
 * nor for a replica that hangs, which would make all servers look dead. The setting is that of this
 * statement's transaction. */
int postgres_beat_raise(struct db *d, const char *instance, struct err *e)
{
    static const char update[] =
        "WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))"
        " UPDATE server SET beat = beat + 1, last_seen = now() FROM quick"
        " WHERE instance = ?1 AND over = 0";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, update, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, instance);
    return db_run(q, e) < 0 ? -1 : db_changes(d) > 0;
}

/* Somewhere between the question and the answer. */
int postgres_beat_read_clock(struct db *d, struct err *e)
{
    static const char select[] =
        "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
    int64_t sent = clock_mono_ns(), unix_ms;

    if (db_number(d, select, &unix_ms, e) < 0)
        return -1;
    int64_t answered = clock_mono_ns();
    if (answered - sent < EXACT_NS)
        clock_shared_set(unix_ms, sent + (answered - sent) / 2);
    return 0;
}

int postgres_beat_end(struct db *d, const char *instance, int64_t beat, struct err *e)
{
    static const char update[] = "UPDATE server SET over = 1 WHERE instance = ?1 AND over = 0"
                                 " AND (?2 < 0 OR beat = ?2)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, update, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, instance);
    db_bind_int(q, 2, beat);
    return db_run(q, e) < 0 ? -1 : db_changes(d) > 0;
}
