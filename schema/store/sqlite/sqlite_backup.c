#include "schema/store/sqlite/sqlite_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_lock.h"
#include "schema/store/move/move_mark.h"
#include "schema/store/sqlite/sqlite_migrate.h"

#define LOCK_NAME  "a restore" /* who has the lock, for people */
#define COPY_BYTES (16 * MIB)  /* in one call of the kernel */
/* No table sends so many rows between a backup and its restore. The numbers have 18 digits at most
 * (relay_recover.c), so a table can be restored 900,000 times. */
#define NUMBERS_APART (INT64_C(1) << 40)

static int name_path(char out[PATH_MAX], const char *place, const char *ending, struct err *e)
{
    int n = snprintf(out, PATH_MAX, "%s%s", place, ending);

    return n < 0 || n >= PATH_MAX ? err_set(e, ERR_SETTING, "its name is too long") : 0;
}

static bool is_there(const char *place, const char *ending)
{
    char path[PATH_MAX];
    struct stat st;

    return name_path(path, place, ending, NULL) == 0 && lstat(path, &st) == 0;
}

/* Makes a rename last. */
static int sync_dir_of(const char *file, struct err *e)
{
    char dir[PATH_MAX];

    (void)snprintf(dir, sizeof dir, "%s", strchr(file, '/') ? file : "./");
    strrchr(dir, '/')[1] = '\0';
    CLEANUP(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? err_errno(e, ERR_DISK, errno, "sync %s", dir) : 0;
}

/* Renames without replacing; on a file system that has no such call, after a look. */
static int publish_file(const char *from, const char *to, struct err *e)
{
    int rc = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);

    if (rc < 0 && (errno == EINVAL || errno == ENOSYS) && !is_there(to, ""))
        rc = rename(from, to);
    if (rc < 0 && errno == EEXIST)
        return err_set(e, ERR_SETTING, "it exists already");
    return rc < 0 ? err_errno(e, ERR_DISK, errno, "rename %s", from) : sync_dir_of(to, e);
}

static int count_saved(struct db *d, const char *file, struct sqlite_backup_counts *ret_counts,
                       struct err *e)
{
    struct sqlite_backup_counts c = { 0 };
    struct stat st;

    if (db_number(d, "SELECT count(*) FROM job", &c.submissions, e) < 0 ||
        db_number(d, "SELECT count(*) FROM report", &c.reports, e) < 0 ||
        db_number(d, "SELECT count(*) FROM job WHERE state IN (0, 1)", &c.waiting, e) < 0)
        return -1;
    if (stat(file, &st) == 0)
        c.bytes = st.st_size;
    *ret_counts = c;
    return 0;
}

/* Another program's database has other tables, or none. */
static int check_is_table(struct db *d, struct err *e)
{
    static const char select[] = "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
                                 " AND name IN ('job', 'meta', 'report')";
    int64_t tables;

    if (db_number(d, select, &tables, e) < 0)
        return -1;
    return tables == 3 ? 0 : err_set(e, ERR_SETTING, "it is no job table of scrc");
}

/* ---- the backup ---- */

/* Two backups at one time would write into each other's file; one that has just ended has given it
 * its name. */
static int open_partial(const char *path, int *ret_fd, struct err *e)
{
    struct stat ours, named;
    CLEANUP(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return err_errno(e, ERR_DISK, errno, "open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &ours) < 0 || stat(path, &named) < 0 ||
        ours.st_ino != named.st_ino)
        return err_set(e, ERR_SETTING, "another backup is writing %s", path);
    if (ftruncate(fd, 0) < 0)
        return err_errno(e, ERR_DISK, errno, "empty %s", path);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int copy_table(const char *dir, const char *partial, struct err *e)
{
    char path[PATH_MAX];
    CLEANUP(db_closep) struct db *d = NULL;

    if (name_path(path, dir, "/scrc.db", e) < 0)
        return -1;
    if (access(path, F_OK) < 0)
        return err_set(e, ERR_SETTING, "there is no job table in it");
    if (db_open(path, DB_READER, &d, e) < 0 || check_is_table(d, e) < 0 ||
        move_mark_check(d, e) < 0)
        return -1;
    return db_copy(d, partial, e);
}

static int write_partial(const char *dir, const char *partial, int fd,
                         struct sqlite_backup_counts *ret_counts, struct err *e)
{
    CLEANUP(db_closep) struct db *d = NULL;

    if (copy_table(dir, partial, e) < 0)
        return err_wrap(e, "the table in %.150s", dir);
    if (fsync(fd) < 0)
        return err_errno(e, ERR_DISK, errno, "sync %s", partial);
    return db_open(partial, DB_BACKUP, &d, e) < 0 ? -1 : count_saved(d, partial, ret_counts, e);
}

int sqlite_backup_write(const char *dir, const char *file, struct sqlite_backup_counts *ret_counts,
                        struct err *e)
{
    char partial[PATH_MAX];
    CLEANUP(closep) int fd = -1;

    if (name_path(partial, file, ".partial", e) < 0)
        return err_wrap(e, "%.150s", file);
    if (is_there(file, ""))
        return err_set(e, ERR_SETTING,
                       "%.200s exists already: name another file, or remove it first", file);
    if (open_partial(partial, &fd, e) < 0)
        return -1;
    if (write_partial(dir, partial, fd, ret_counts, e) < 0) {
        (void)unlink(partial);
        return -1;
    }
    if (publish_file(partial, file, e) < 0) {
        (void)unlink(partial);
        return err_wrap(e, "%.150s", file);
    }
    return 0;
}

/* ---- the way back ---- */

static int copy_contents(int from, int to, struct err *e)
{
    static char block[64 * KIB];
    ssize_t n;

    while ((n = copy_file_range(from, NULL, to, NULL, COPY_BYTES, 0)) > 0)
        ;
    if (n == 0)
        return 0;
    /* Not between these two file systems; nothing was copied yet, or both go on where they are. */
    while ((n = read(from, block, sizeof block)) > 0)
        for (ssize_t done = 0, w; done < n; done += w)
            if ((w = write(to, block + done, (size_t)(n - done))) < 0)
                return err_errno(e, ERR_DISK, errno, "write the copy");
    return n < 0 ? err_errno(e, ERR_DISK, errno, "read it") : 0;
}

static int copy_file(const char *file, const char *to, struct err *e)
{
    struct stat st;
    CLEANUP(closep) int from = open(file, O_RDONLY | O_CLOEXEC);

    if (from < 0)
        return err_errno(e, ERR_SETTING, errno, "open it");
    if (fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, ERR_SETTING, "it is no file");
    if (is_there(file, "-wal"))
        return err_set(e, ERR_SETTING,
                       "beside it is its write-ahead log (-wal): it is no backup but a table; make "
                       "one with scrc --backup");
    CLEANUP(closep)
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return out < 0 ? err_errno(e, ERR_DISK, errno, "open %s", to) : copy_contents(from, out, e);
}

static int check_integrity(struct db *d, struct err *e)
{
    CLEANUP(db_donep)
    struct db_stmt *q = db_prepare_once(d, "PRAGMA integrity_check(1)", e);
    if (!q || db_step(q, e) < 0)
        return -1;
    const char *says = db_text(q, 0, NULL);
    return strcmp(says, "ok") == 0 ? 0 : err_set(e, ERR_DISK, "it is damaged: %.200s", says);
}

static int mark_restored(struct db *d, struct err *e)
{
    static const char raise[] = "UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = 'outbox'";
    static const char first[] = "INSERT INTO sqlite_sequence(name, seq) SELECT 'outbox', ?1"
                                " WHERE NOT EXISTS"
                                " (SELECT 1 FROM sqlite_sequence WHERE name = 'outbox')";
    const char *const both[] = { raise, first };
    char fresh[TEXT_ID_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, both[i], e);
        if (!q)
            return -1;
        db_bind_int(q, 1, NUMBERS_APART);
        if (db_run(q, e) < 0)
            return -1;
    }
    text_random_id(fresh);
    fresh[8] = '\0'; /* an epoch has room for few letters, and few are needed */
    return move_mark_write(d, MOVE_MARK_RESTORED, fresh, e);
}

static int check_and_mark(const char *copy, struct sqlite_backup_counts *ret_counts, struct err *e)
{
    CLEANUP(db_closep) struct db *d = NULL;

    if (db_open(copy, DB_BACKUP, &d, e) < 0 || check_is_table(d, e) < 0 ||
        check_integrity(d, e) < 0)
        return -1;
    d = db_close(d);
    if (db_open(copy, DB_WRITER, &d, e) < 0 || sqlite_migrate(d, e) < 0 ||
        move_mark_check(d, e) < 0 || db_begin(d, e) < 0)
        return -1;
    if (mark_restored(d, e) < 0) {
        db_rollback(d);
        return -1;
    }
    return db_commit(d, e) < 0 ? -1 : count_saved(d, copy, ret_counts, e);
}

/* A log that a table has left behind would be taken for that of the new one. */
static int check_has_no_table(const char *dir, struct err *e)
{
    static const char *const endings[] = { "/scrc.db", "/scrc.db-wal", "/scrc.db-shm" };

    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (is_there(dir, endings[i]))
            return err_set(e, ERR_SETTING,
                           "%.150s%s is there: restore into another DATA_DIR, or move it away", dir,
                           endings[i]);
    return 0;
}

static void remove_copy(const char *copy)
{
    static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
    char path[PATH_MAX];

    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (name_path(path, copy, endings[i], NULL) == 0)
            (void)unlink(path);
}

/* It was closed in between, so its log is in it and gone. */
static int sync_file(const char *path, struct err *e)
{
    CLEANUP(closep) int fd = open(path, O_RDWR | O_CLOEXEC);

    return fd < 0 || fsync(fd) < 0 ? err_errno(e, ERR_DISK, errno, "sync %s", path) : 0;
}

int sqlite_backup_restore(const char *dir, const char *file,
                          struct sqlite_backup_counts *ret_counts, struct err *e)
{
    const struct jobs_config c = { .dir = dir, .instance = LOCK_NAME };
    char copy[PATH_MAX], table[PATH_MAX];
    CLEANUP(closep) int lock = -1;
    int64_t stamp;

    if (access(file, R_OK) < 0) /* before a directory is made for nothing */
        return err_errno(e, ERR_SETTING, errno, "%.150s", file);
    if (name_path(copy, dir, "/scrc.db.restore", e) < 0 || name_path(table, dir, "/scrc.db", e) < 0)
        return err_wrap(e, "%.150s", dir);
    if (jobs_lock_dir(&c, &lock, &stamp, e) < 0 || check_has_no_table(dir, e) < 0)
        return err_wrap(e, "DATA_DIR");
    remove_copy(copy);
    if (copy_file(file, copy, e) < 0 || check_and_mark(copy, ret_counts, e) < 0) {
        remove_copy(copy);
        return err_wrap(e, "%.150s", file);
    }
    jobs_lock_fresh_id(dir);
    if (sync_file(copy, e) < 0 || publish_file(copy, table, e) < 0) {
        remove_copy(copy);
        return err_wrap(e, "DATA_DIR");
    }
    return 0;
}
