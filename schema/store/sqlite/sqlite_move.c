#include "schema/store/sqlite/sqlite_move.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_lock.h"
#include "schema/store/move/move_row.h"
#include "schema/store/sqlite/sqlite_migrate.h"

#define LOCK_NAME "a move" /* who has the lock, for people */

static int file_of(const struct move_side *s, char out[4096], struct err *e)
{
    int n = snprintf(out, 4096, "%s/scrc.db", s->place);

    return n < 0 || n >= 4096 ? err_set(e, ERR_SETTING, "the directory's name is too long") : 0;
}

static int open_file(struct move_side *s, struct err *e)
{
    char path[4096];

    return file_of(s, path, e) < 0 ? -1 : db_open(path, DB_WRITER, &s->db, e);
}

/* ---- source ---- */

/* A server's own start brings the tables up to date and queues again what a killed one was running.
 * It holds the lock for as long as it is open, and with nothing to do it does nothing. */
static int open_source_file(struct move_side *s, struct err *e)
{
    const struct jobs_config c = { .dir = s->place, .instance = LOCK_NAME, .reserve_bytes = -1 };
    char path[4096];

    if (file_of(s, path, e) < 0)
        return -1;
    if (access(path, F_OK) < 0)
        return err_set(e, ERR_SETTING, "there is no job table in it");
    if (jobs_open(&c, &s->jobs, e) == 0)
        return open_file(s, e);
    if (e->kind != ERR_SETTING || open_file(s, NULL) < 0)
        return -1;
    /* Nobody works on a table that has moved away, so it needs no lock. */
    return move_mark_read(s->db, MOVE_MARK_AWAY, s->away, NULL) < 0 || !s->away[0] ? -1 : 0;
}

static int read_last_in_file(struct move_side *s, int64_t *ret_number, struct err *e)
{
    return db_number(s->db, "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'", ret_number, e);
}

static int mark_file_away(struct move_side *s, const char *to, struct err *e)
{
    return move_mark_write(s->db, MOVE_MARK_AWAY, to, e);
}

/* ---- target ---- */

static int check_file_empty(struct move_side *s, struct err *e)
{
    static const char any[] = "SELECT EXISTS (SELECT 1 FROM job) OR EXISTS (SELECT 1 FROM stream)"
                              " OR EXISTS (SELECT 1 FROM watermark)";
    int64_t rows;

    if (db_number(s->db, any, &rows, e) < 0)
        return -1;
    return rows ? err_set(e, ERR_SETTING,
                          "it is not empty: move into another directory, or delete its scrc.db")
                : 0;
}

static int open_target_file(struct move_side *s, const char *source_id, bool begun, struct err *e)
{
    const struct jobs_config c = { .dir = s->place, .instance = LOCK_NAME };
    char from[MOVE_MARK_SIZE];
    int64_t stamp;

    if (jobs_lock_dir(&c, &s->lock_fd, &stamp, e) < 0 || open_file(s, e) < 0 ||
        sqlite_migrate(s->db, e) < 0 || move_mark_read(s->db, MOVE_MARK_INTO, from, e) < 0)
        return -1;
    if (strcmp(from, source_id) == 0)
        return 0;
    if (from[0] || begun)
        return err_set(e, ERR_SETTING, "the move of another table into it has not ended");
    return check_file_empty(s, e) < 0 ? -1 : move_mark_write(s->db, MOVE_MARK_INTO, source_id, e);
}

static int insert_rows(struct move_side *s, const char *sql, const struct move_table *t,
                       const struct move_rows *rows, struct err *e)
{
    size_t at = 0;

    for (size_t i = 0; i < rows->count; i++) {
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(s->db, sql, e);
        if (!q)
            return -1;
        at = move_row_bind(rows, at, t->types, strlen(t->types), q);
        if (db_run(q, e) < 0)
            return err_wrap(e, "table %s", t->name);
    }
    return 0;
}

static int put_rows_in_file(struct move_side *s, const struct move_table *t,
                            const struct move_rows *rows, struct err *e)
{
    char **sql = &s->insert[t - move_table_all];
    CLEANUP(buf_clear) struct buf text = { 0 };

    if (!*sql && move_table_insert(t, &text, e) < 0)
        return -1;
    if (!*sql)
        *sql = buf_take(&text);
    if (db_begin(s->db, e) < 0)
        return -1;
    if (insert_rows(s, *sql, t, rows, e) < 0) {
        db_rollback(s->db);
        return -1;
    }
    return db_commit(s->db, e);
}

static int finish_file(struct move_side *s, int64_t last_outbox, struct err *e)
{
    char sql[300];

    (void)snprintf(sql, sizeof sql,
                   "DELETE FROM sqlite_sequence WHERE name = 'outbox';"
                   "INSERT INTO sqlite_sequence(name, seq) VALUES('outbox', %lld)",
                   (long long)last_outbox);
    return move_mark_arrive(s->db, sql, e);
}

static void close_file_side(struct move_side *s)
{
    s->db = db_close(s->db);
    s->jobs = jobs_close(s->jobs);
    closep(&s->lock_fd);
}

const struct move_kind sqlite_move_kind = {
    .of_postgres = false,
    .open_source = open_source_file,
    .open_target = open_target_file,
    .put = put_rows_in_file,
    .last_outbox = read_last_in_file,
    .mark_away = mark_file_away,
    .finish = finish_file,
    .close = close_file_side,
};
