#include "schema/store/move/move_mark.h"

#include <stdio.h>

#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/store/db.h"

int move_mark_read(struct db *d, const char *mark, char out[MOVE_MARK_SIZE], struct err *e)
{
    static const char select[] = "SELECT value FROM meta WHERE name = ?1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, mark);
    int n = db_step(q, e);
    (void)snprintf(out, MOVE_MARK_SIZE, "%s", n > 0 ? db_text(q, 0, NULL) : "");
    return n < 0 ? -1 : 0;
}

int move_mark_write(struct db *d, const char *mark, const char *value, struct err *e)
{
    static const char insert[] = "INSERT INTO meta(name, value) VALUES(?1, ?2)"
                                 " ON CONFLICT(name) DO UPDATE SET value = excluded.value";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, insert, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, mark);
    db_bind_text(q, 2, value);
    return db_run(q, e);
}

static int mark_arrived(struct db *d, struct err *e)
{
    static const char delete[] = "DELETE FROM meta WHERE name = ?1";
    char fresh[TEXT_ID_SIZE];
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, delete, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, MOVE_MARK_INTO);
    text_random_id(fresh);
    return db_run(q, e) < 0 ? -1 : move_mark_write(d, MOVE_MARK_TABLE, fresh, e);
}

int move_mark_arrive(struct db *d, const char *last, struct err *e)
{
    if (db_begin(d, e) < 0)
        return -1;
    if (db_exec(d, last, e) < 0 || mark_arrived(d, e) < 0) {
        db_rollback(d);
        return -1;
    }
    return db_commit(d, e);
}

int move_mark_check(struct db *d, struct err *e)
{
    char value[MOVE_MARK_SIZE];

    if (move_mark_read(d, MOVE_MARK_AWAY, value, e) < 0)
        return -1;
    if (value[0])
        return err_set(e, ERR_SETTING, "its submissions have moved to %.250s: start servers there",
                       value);
    if (move_mark_read(d, MOVE_MARK_INTO, value, e) < 0)
        return -1;
    if (value[0])
        return err_set(e, ERR_SETTING,
                       "a move into it has not ended: call scrc --move again, or empty it");
    return 0;
}
