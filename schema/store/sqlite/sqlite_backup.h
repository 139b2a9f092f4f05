/* schema/store/sqlite/sqlite_backup.h - a copy of a table in a directory, made while a server works
 * on it, and the way back: scrc --backup, scrc --restore.
 *
 *     DIR/scrc.db --one read transaction--> FILE.partial --synced, renamed--> FILE
 *     FILE --copied--> DIR/scrc.db.restore --checked, migrated, marked, renamed--> DIR/scrc.db
 *
 * A reader in another process sees all that was committed when it began, and no commit waits for
 * it; only the write-ahead log is not emptied meanwhile. FILE is an SQLite database without a log
 * of its own. Killed at any moment, either leaves no FILE and no table, and can be called again.
 *
 * A restored table keeps its id, so that what was sent to Kafka after the backup is recognised. Its
 * next outbox numbers are far above those that were given since, and its revisions are those of
 * another epoch.
 *
 * Room     schema/store/sqlite.
 * Owns     during sqlite_backup_restore() the directory, by its lock.
 * Threads  one at a time.
 * Errors   0, or -1 with *e filled. ERR_SETTING, ERR_CONFLICT: the caller can mend it. ERR_DISK:
 *          also a file that is damaged.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct err;

struct sqlite_backup_counts {
    int64_t submissions, reports;
    int64_t waiting; /* submissions that have no report yet */
    int64_t bytes;   /* of the file */
};

/* Never over a FILE that is there. */
NODISCARD int sqlite_backup_write(const char *dir, const char *file,
                                  struct sqlite_backup_counts *ret_counts, struct err *e);

/* Into a directory without a table, which is made when it is not there. */
NODISCARD int sqlite_backup_restore(const char *dir, const char *file,
                                    struct sqlite_backup_counts *ret_counts, struct err *e);
