#include "schema/db_log.h"

#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "schema/base.h"

/* Thirty pages; a larger commit is handed on in several pieces. SQLite's own VFS cannot write
 * 128 KiB at once: it masks the length, writes 0 bytes and calls the disk full. */
#define ROOM (124 * 1024)

struct log_file {
    sqlite3_file base; /* SQLite's view; must be first */
    char *data;        /* owned; what is not handed on yet */
    int len;
    sqlite3_int64 at;   /* where data belongs in the file */
    sqlite3_file *real; /* of SQLite's own VFS; behind this struct in the same memory */
};

static sqlite3_vfs *os; /* SQLite's own VFS; fixed after db_log_register() */

static struct log_file *log_of(sqlite3_file *file) { return (struct log_file *)(void *)file; }

/* What could not be written is forgotten: SQLite rolls back and comes again with other pages. */
static int hand_on(struct log_file *f)
{
    int len = f->len;

    f->len = 0;
    return len > 0 ? f->real->pMethods->xWrite(f->real, f->data, len, f->at) : SQLITE_OK;
}

static int log_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
    struct log_file *f = log_of(file);
    int rc = SQLITE_OK;

    if (at != f->at + f->len || len > ROOM - f->len)
        rc = hand_on(f);
    if (rc != SQLITE_OK || len > ROOM)
        return rc != SQLITE_OK ? rc : f->real->pMethods->xWrite(f->real, data, len, at);
    if (f->len == 0)
        f->at = at;
    memcpy(f->data + f->len, data, (size_t)len);
    f->len += len;
    return SQLITE_OK;
}

static int log_sync(sqlite3_file *file, int flags)
{
    struct log_file *f = log_of(file);
    int rc = hand_on(f);

    return rc == SQLITE_OK ? f->real->pMethods->xSync(f->real, flags) : rc;
}

static int log_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
    struct log_file *f = log_of(file);
    int rc = hand_on(f);

    return rc == SQLITE_OK ? f->real->pMethods->xRead(f->real, data, len, at) : rc;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct log_file *f = log_of(file);
    int rc = hand_on(f);

    return rc == SQLITE_OK ? f->real->pMethods->xTruncate(f->real, size) : rc;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    struct log_file *f = log_of(file);
    int rc = hand_on(f);

    return rc == SQLITE_OK ? f->real->pMethods->xFileSize(f->real, ret_size) : rc;
}

/* What is still here was never synced: no commit stands in it. */
static int log_close(sqlite3_file *file)
{
    struct log_file *f = log_of(file);

    free(f->data);
    f->data = NULL;
    return f->real->pMethods->xClose(f->real);
}

/* ---- handed through ---- */

static int log_lock(sqlite3_file *file, int level)
{
    struct log_file *f = log_of(file);
    return f->real->pMethods->xLock(f->real, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    struct log_file *f = log_of(file);
    return f->real->pMethods->xUnlock(f->real, level);
}

static int log_reserved(sqlite3_file *file, int *ret_reserved)
{
    struct log_file *f = log_of(file);
    return f->real->pMethods->xCheckReservedLock(f->real, ret_reserved);
}

static int log_control(sqlite3_file *file, int op, void *arg)
{
    struct log_file *f = log_of(file);
    return f->real->pMethods->xFileControl(f->real, op, arg);
}

static int log_sector(sqlite3_file *file)
{
    struct log_file *f = log_of(file);
    return f->real->pMethods->xSectorSize(f->real);
}

static int log_device(sqlite3_file *file)
{
    struct log_file *f = log_of(file);
    return f->real->pMethods->xDeviceCharacteristics(f->real);
}

/* ---- opening ---- */

static const sqlite3_io_methods methods = {
    .iVersion = 1, /* a log is never mapped, and its index belongs to the table's file */
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_reserved,
    .xFileControl = log_control,
    .xSectorSize = log_sector,
    .xDeviceCharacteristics = log_device,
};

static int open_log(const char *path, struct log_file *f, int flags, int *ret_flags)
{
    *f = (struct log_file){ .real = (sqlite3_file *)(void *)(f + 1) };
    f->real->pMethods = NULL;
    f->data = malloc(ROOM);
    int rc = f->data ? os->xOpen(os, path, f->real, flags, ret_flags) : SQLITE_NOMEM;
    if (rc == SQLITE_OK) {
        f->base.pMethods = &methods;
        return SQLITE_OK;
    }
    free(f->data);
    if (f->real->pMethods)
        (void)f->real->pMethods->xClose(f->real);
    return rc;
}

static int open_any(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    (void)vfs;
    return flags & SQLITE_OPEN_WAL ? open_log(path, log_of(file), flags, ret_flags)
                                   : os->xOpen(os, path, file, flags, ret_flags);
}

void db_log_register(void)
{
    static sqlite3_vfs vfs;

    os = sqlite3_vfs_find(NULL);
    if (!os)
        return; /* opening with a name nobody knows will say so */
    vfs = *os;
    vfs.szOsFile = (int)sizeof(struct log_file) + os->szOsFile;
    vfs.zName = DB_LOG_VFS;
    vfs.xOpen = open_any;
    (void)sqlite3_vfs_register(&vfs, 0);
}
