#include "schema/store/sqlite/sqlite_migrate.h"

#include <stdio.h>

#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/job_state.h"

extern const char sqlite_sql_001[], sqlite_sql_002[], sqlite_sql_003[], sqlite_sql_004[],
    sqlite_sql_005[], sqlite_sql_006[], sqlite_sql_007[], sqlite_sql_008[], sqlite_sql_009[],
    sqlite_sql_010[];

/* migrations[n] makes version n + 1. Never change what a released one does; add the next. */
static const char *const migrations[] = { sqlite_sql_001, sqlite_sql_002, sqlite_sql_003,
                                          sqlite_sql_004, sqlite_sql_005, sqlite_sql_006,
                                          sqlite_sql_007, sqlite_sql_008, sqlite_sql_009,
                                          sqlite_sql_010 };

_Static_assert(JOB_QUEUED == 0 && JOB_RUNNING == 1 && JOB_DONE == 2 && JOB_CANCELLED == 3,
               "the numbers are stored, and written in schema/store/sqlite/sql");

int sqlite_migrate(struct db *d, struct err *e)
{
    char set_version[60];
    int64_t version;

    if (db_number(d, "PRAGMA user_version", &version, e) < 0)
        return -1;
    if (version > (int64_t)ARRAY_LEN(migrations) || version < 0)
        return err_set(e, ERR_DISK,
                       "it was written by a newer scrc (schema %lld, this one knows up to %zu): "
                       "start that version, or choose another DATA_DIR",
                       (long long)version, ARRAY_LEN(migrations));

    for (size_t i = (size_t)version; i < ARRAY_LEN(migrations); i++) {
        (void)snprintf(set_version, sizeof set_version, "PRAGMA user_version = %zu", i + 1);
        if (db_begin(d, e) < 0)
            return -1;
        if (db_exec(d, migrations[i], e) < 0 || db_exec(d, set_version, e) < 0) {
            db_rollback(d);
            return err_wrap(e, "migration to schema %zu", i + 1);
        }
        if (db_commit(d, e) < 0)
            return -1;
    }
    return 0;
}
