#include "schema/store/postgres/postgres_move.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/store/db.h"
#include "schema/store/jobs_table.h"
#include "schema/store/move/move_row.h"
#include "schema/store/postgres/db_postgres.h"
#include "schema/store/postgres/postgres_lease.h"
#include "schema/store/postgres/postgres_migrate.h"
#include "schema/store/postgres/postgres_release.h"

/* As long as a server's transaction may stand still, and more. */
#define LOCK_WAIT "SET LOCAL lock_timeout = '15s';"

/* ---- the servers of a source ---- */

/* What servers that live change. */
struct beats {
    int64_t servers, sum;
    char first[200]; /* one of them, for people */
};

static int read_beats(struct db *d, struct beats *ret_beats, struct err *e)
{
    static const char select[] =
        "SELECT count(*), coalesce(sum(beat), 0), min(instance || ' on ' || host) FROM server"
        " WHERE over = 0";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    int n = q ? db_step(q, e) : -1;

    if (n <= 0)
        return -1;
    ret_beats->servers = db_int(q, 0);
    ret_beats->sum = db_int(q, 1);
    (void)snprintf(ret_beats->first, sizeof ret_beats->first, "%s", db_text(q, 2, NULL));
    return 0;
}

static int refuse_servers(const struct beats *b, struct err *e)
{
    return err_set(e, ERR_CONFLICT, "%lld servers work on it, as %s: stop them first",
                   (long long)b->servers, b->first);
}

/* Those that were killed give no sign: as long as other servers would, we wait for one. */
static int wait_for_beats(struct move_side *s, struct beats *b, struct err *e)
{
    int64_t timeout = s->lease_timeout_ms > 0 ? s->lease_timeout_ms : POSTGRES_LEASE_TIMEOUT_MS;
    int64_t until = clock_mono_ns() + timeout * NS_PER_MS;
    struct beats now = *b;

    while (now.servers > 0 && clock_mono_ns() < until) {
        (void)poll(NULL, 0, (int)(timeout / 10));
        if (read_beats(s->db, &now, e) < 0)
            return -1;
        if (now.servers > b->servers || now.sum > b->sum)
            return refuse_servers(&now, e);
        *b = now;
    }
    return 0;
}

/* All that are not over yet, if none has given a sign since. */
static int end_servers(struct db *d, const struct beats *b, struct err *e)
{
    static const char lock[] = LOCK_WAIT "LOCK TABLE server IN EXCLUSIVE MODE";
    struct beats now;

    if (b->servers == 0)
        return 0;
    if (db_begin(d, e) < 0)
        return -1;
    int rc = db_exec(d, lock, e) < 0 || read_beats(d, &now, e) < 0 ? -1 : 0;
    if (rc == 0 && (now.servers > b->servers || now.sum > b->sum))
        rc = refuse_servers(&now, e);
    if (rc < 0 || db_exec(d, "UPDATE server SET over = 1 WHERE over = 0", e) < 0) {
        db_rollback(d);
        return -1;
    }
    return db_commit(d, e);
}

/* 1: there is a claim, of this instance; 0; -1. */
static int find_claim(struct db *d, char out[TEXT_ID_SIZE], struct err *e)
{
    static const char select[] = "SELECT instance FROM job WHERE claim IS NOT NULL LIMIT 1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    int n = q ? db_step(q, e) : -1;

    if (n > 0)
        (void)snprintf(out, TEXT_ID_SIZE, "%s", db_text(q, 0, NULL));
    return n;
}

/* What servers that are over had claimed goes back to the queue, as another server would do it. */
static int release_all(struct db *d, struct err *e)
{
    struct jobs_group *changes = calloc(1, sizeof *changes);
    struct postgres_release_counts counts = { 0 };
    char instance[TEXT_ID_SIZE];
    int n, more = 1;

    if (!changes)
        return err_set(e, ERR_NOMEM, "claims");
    while ((n = find_claim(d, instance, e)) > 0 && more > 0)
        while ((more = postgres_release(d, instance, changes, &counts, e)) > 0)
            ;
    buf_clear(&changes->ids);
    free(changes);
    return n < 0 || more < 0 ? -1 : 0;
}

/* ---- source ---- */

/* What the last servers have committed and not numbered: a message has its number in the target
 * too, also when the move is done again. */
static int number_outbox(struct db *d, struct err *e)
{
    return db_exec(d, "SELECT number_changes(0)", e);
}

/* Until the end of the transaction nobody joins, raises a beat, commits a group or claims. */
static int lock_source(struct db *d, struct err *e)
{
    static const char lock[] =
        LOCK_WAIT "SET LOCAL idle_in_transaction_session_timeout = 0;"
                  "LOCK TABLE server, writer, publisher, job, outbox IN EXCLUSIVE MODE";
    char instance[TEXT_ID_SIZE];
    struct beats b;

    if (db_begin(d, e) < 0)
        return -1;
    if (db_exec(d, lock, e) < 0 || read_beats(d, &b, e) < 0)
        return -1;
    if (b.servers > 0)
        return refuse_servers(&b, e);
    int n = find_claim(d, instance, e);
    int64_t unnumbered = 0;
    if (n < 0 ||
        db_number(d, "SELECT count(*) FROM outbox WHERE number IS NULL", &unnumbered, e) < 0)
        return -1;
    return n == 0 && unnumbered == 0
               ? 0
               : err_set(e, ERR_CONFLICT, "a server has just worked on it: try again");
}

static int open_source_database(struct move_side *s, struct err *e)
{
    struct beats b;
    int64_t has = 0;

    if (db_connect(s->place, DB_WRITER, &s->db, e) < 0 ||
        db_number(s->db, "SELECT " POSTGRES_MIGRATE_HAS_TABLES, &has, e) < 0)
        return -1;
    if (!has)
        return err_set(e, ERR_SETTING, "there is no job table in it");
    if (postgres_migrate(s->db, e) < 0 || move_mark_read(s->db, MOVE_MARK_AWAY, s->away, e) < 0)
        return -1;
    if (s->away[0])
        return 0;
    if (move_mark_check(s->db, e) < 0 || read_beats(s->db, &b, e) < 0 ||
        wait_for_beats(s, &b, e) < 0 || end_servers(s->db, &b, e) < 0 ||
        release_all(s->db, e) < 0 || number_outbox(s->db, e) < 0)
        return -1;
    return lock_source(s->db, e);
}

static int read_last_of_sequence(struct move_side *s, int64_t *ret_number, struct err *e)
{
    return db_number(s->db,
                     "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM outbox_number",
                     ret_number, e);
}

/* Ends the transaction of lock_source(). */
static int mark_database_away(struct move_side *s, const char *to, struct err *e)
{
    static const char fence[] = "ALTER TABLE writer ADD CONSTRAINT this_job_table_has_moved"
                                " CHECK (false) NOT VALID";

    if (move_mark_write(s->db, MOVE_MARK_AWAY, to, e) < 0 || db_exec(s->db, fence, e) < 0)
        return -1;
    return db_commit(s->db, e);
}

/* ---- target ---- */

static int check_database_empty(struct db *d, struct err *e)
{
    static const char any[] = "SELECT EXISTS (SELECT 1 FROM job) OR EXISTS (SELECT 1 FROM stream)"
                              " OR EXISTS (SELECT 1 FROM watermark)";
    struct beats b;
    int64_t rows = 0;

    if (read_beats(d, &b, e) < 0 || db_number(d, any, &rows, e) < 0)
        return -1;
    if (b.servers > 0)
        return refuse_servers(&b, e);
    return rows ? err_set(e, ERR_SETTING, "it is not empty: move into another database") : 0;
}

/* A server that starts adds its row and then looks for the mark: one of us sees the other. */
static int take_target(struct db *d, const char *source_id, bool begun, struct err *e)
{
    static const char lock[] = LOCK_WAIT "LOCK TABLE server IN EXCLUSIVE MODE";
    char from[MOVE_MARK_SIZE];

    if (db_exec(d, lock, e) < 0 || move_mark_read(d, MOVE_MARK_INTO, from, e) < 0)
        return -1;
    if (strcmp(from, source_id) == 0)
        return 0;
    if (from[0] || begun)
        return err_set(e, ERR_SETTING, "the move of another table into it has not ended");
    return check_database_empty(d, e) < 0 ? -1 : move_mark_write(d, MOVE_MARK_INTO, source_id, e);
}

static int open_target_database(struct move_side *s, const char *source_id, bool begun,
                                struct err *e)
{
    if (db_connect(s->place, DB_WRITER, &s->db, e) < 0 || postgres_migrate(s->db, e) < 0 ||
        db_begin(s->db, e) < 0)
        return -1;
    if (take_target(s->db, source_id, begun, e) < 0) {
        db_rollback(s->db);
        return -1;
    }
    return db_commit(s->db, e);
}

static int copy_rows_in(struct move_side *s, const struct move_table *t,
                        const struct move_rows *rows, struct err *e)
{
    char sql[700];

    (void)snprintf(sql, sizeof sql, "COPY %s(%s) FROM STDIN (FORMAT binary)", t->name, t->columns);
    if (db_postgres_copy(s->db, sql, rows->bytes.data, rows->bytes.len, e) < 0)
        return err_wrap(e, "table %s", t->name);
    return 0;
}

/* New rows get numbers behind those that came. */
static int finish_database(struct move_side *s, int64_t last_outbox, struct err *e)
{
    char sql[900];

    (void)snprintf(
        sql, sizeof sql,
        "SELECT setval(pg_get_serial_sequence('job', 'seq'), coalesce(max(seq), 0) + 1, false)"
        " FROM job;"
        "SELECT setval(pg_get_serial_sequence('text', 'number'), coalesce(max(number), 0) + 1,"
        " false) FROM text;"
        "SELECT setval(pg_get_serial_sequence('stream', 'number'), coalesce(max(number), 0) + 1,"
        " false) FROM stream;"
        "SELECT setval('outbox_number', %lld, false);"
        "ANALYZE job; ANALYZE body; ANALYZE report; ANALYZE text; ANALYZE text_use;"
        "ANALYZE intake; ANALYZE outbox",
        (long long)last_outbox + 1);
    return move_mark_arrive(s->db, sql, e);
}

static void close_database_side(struct move_side *s)
{
    if (s->db)
        db_rollback(s->db);
    s->db = db_close(s->db);
}

const struct move_kind postgres_move_kind = {
    .of_postgres = true,
    .open_source = open_source_database,
    .open_target = open_target_database,
    .put = copy_rows_in,
    .last_outbox = read_last_of_sequence,
    .mark_away = mark_database_away,
    .finish = finish_database,
    .close = close_database_side,
};
