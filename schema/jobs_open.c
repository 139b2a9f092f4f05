/* The way from a directory to a table that can be worked with: lock, migrations, recovery. A kill
 * at any point leaves a state from which the next start does the same again. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "schema/clock.h"
#include "schema/jobs_finish.h"
#include "schema/jobs_outbox.h"
#include "schema/jobs_table.h"

#define LOCK_POLL_MS 50

extern const char jobs_sql_001[], jobs_sql_002[], jobs_sql_003[], jobs_sql_004[], jobs_sql_005[],
    jobs_sql_006[];

/* migrations[n] makes version n + 1. Never change one that was released; add the next. */
static const char *const migrations[] = { jobs_sql_001, jobs_sql_002, jobs_sql_003,
                                          jobs_sql_004, jobs_sql_005, jobs_sql_006 };

_Static_assert(JOB_QUEUED == 0 && JOB_RUNNING == 1 && JOB_DONE == 2 && JOB_CANCELLED == 3,
               "the numbers are stored, and written in schema/sql");

/* mkdir -p. */
static int make_dir(const char *dir, struct err *e)
{
    char path[4096];
    size_t len = strlen(dir);

    if (len == 0 || len >= sizeof path)
        return err_set(e, ERR_SETTING, "bad directory name");
    memcpy(path, dir, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        char c = path[i];
        path[i] = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return err_errno(e, ERR_DISK, errno, "make %s", path);
        path[i] = c;
    }
    return 0;
}

/* ---- the lock, and who holds it ---- */

#define HOLDER_SIZE 120

/* For people: a full disk may cut it short. */
static void write_holder(const struct jobs *j)
{
    char text[HOLDER_SIZE], host[HOST_NAME_MAX + 1] = "?";

    (void)gethostname(host, sizeof host - 1);
    int n = snprintf(text, sizeof text, "process %d on %.40s, instance %.40s\n", (int)getpid(),
                     host, j->instance);
    if (ftruncate(j->lock_fd, 0) == 0)
        (void)!pwrite(j->lock_fd, text, (size_t)n, 0);
}

static void read_holder(int fd, char out[HOLDER_SIZE])
{
    ssize_t n = pread(fd, out, HOLDER_SIZE - 1, 0);

    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

/* An empty file is of a version that wrote nothing into it, nor kept its time. */
static int64_t read_stamp(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || st.st_size == 0)
        return 0;
    return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / NS_PER_MS;
}

int jobs_lock_dir(struct jobs *j, const struct jobs_config *c, struct err *e)
{
    char path[4096], holder[HOLDER_SIZE];
    int64_t deadline = clock_mono_ns() + c->lock_wait_ms * NS_PER_MS;
    bool told = false;

    if (make_dir(j->dir, e) < 0)
        return -1;
    int n = snprintf(path, sizeof path, "%s/lock", j->dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, ERR_SETTING, "the directory's name is too long");
    j->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->lock_fd < 0)
        return err_errno(e, ERR_DISK, errno, "open %s", path);

    /* flock has no deadline of its own; the kernel drops the lock when its holder dies. */
    while (flock(j->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_errno(e, ERR_DISK, errno, "lock %s", path);
        read_holder(j->lock_fd, holder);
        if (clock_mono_ns() >= deadline)
            return err_set(e, ERR_SETTING, "another server has it: %s", holder);
        if (!told && c->waits)
            c->waits(c->waits_ctx, j->dir, holder);
        told = true;
        (void)poll(NULL, 0, LOCK_POLL_MS);
    }
    j->stamped_ms = read_stamp(j->lock_fd);
    write_holder(j);
    return 0;
}

static int migrate(struct db *d, struct err *e)
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

/* 1 found, 0 none left. */
static int next_killer(struct db *d, int64_t *ret_seq, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq FROM job WHERE state = 1 AND restarts >= ?1 LIMIT 1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, JOB_RESTARTS_MAX);
    int n = db_step(q, e);
    if (n > 0)
        *ret_seq = db_int(q, 0);
    return n;
}

/* Rows that took the server down with them too often end here, with a report that says so. */
static int end_killers(struct jobs *j, struct err *e)
{
    struct jobs_final f = { .state = JOB_DONE };
    char error[100];
    int n;

    (void)snprintf(error, sizeof error, "the server died %d times while judging this",
                   JOB_RESTARTS_MAX + 1);
    while ((n = next_killer(j->db, &f.seq, e)) > 0) {
        f.change = ++j->change;
        if (jobs_finish_blank(j->db, &f, error, e) < 0)
            return -1;
    }
    return n;
}

/* A death of ours spends no attempt of theirs. */
static int requeue(struct jobs *j, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET state = 0, restarts = restarts + 1, attempts = attempts - 1,"
                       " instance = NULL, claim = NULL, claimed_ms = NULL, change = ?1"
                       " WHERE seq = (SELECT seq FROM job WHERE state = 1 LIMIT 1)";

    for (;; j->change++) {
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
        if (!q)
            return -1;
        db_bind_int(q, 1, j->change + 1);
        if (db_run(q, e) < 0)
            return -1;
        if (db_changes(j->db) == 0)
            return 0;
    }
}

static int recover(struct jobs *j, struct err *e)
{
    if (db_number(j->db, "SELECT max(change) FROM job WHERE change > 0", &j->change, e) < 0 ||
        db_begin(j->db, e) < 0)
        return -1;
    if (end_killers(j, e) < 0 || requeue(j, e) < 0) {
        db_rollback(j->db);
        return -1;
    }
    j->counts.change = j->change;
    return db_commit(j->db, e);
}

static int load_table_id(struct jobs *j, struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO meta(name, value) VALUES('table', ?1) ON CONFLICT DO NOTHING";
    JOBS_SQL(select) = "SELECT value FROM meta WHERE name = 'table'";
    char fresh[TEXT_ID_SIZE];

    text_random_id(fresh);
    CLEANUP(db_donep) struct db_stmt *put = db_prepare(j->db, insert, e);
    CLEANUP(db_donep) struct db_stmt *get = db_prepare(j->db, select, e);
    if (!put || !get)
        return -1;
    db_bind_text(put, 1, fresh);
    if (db_run(put, e) < 0)
        return -1;
    int n = db_step(get, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_BUG, "no table id");
    (void)snprintf(j->table_id, sizeof j->table_id, "%s", db_text(get, 0, NULL));
    return 0;
}

/* Rows are never deleted and numbers never skipped, so the last number is how many there are. */
static int load_memory(struct jobs *j, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq FROM job WHERE state = 0";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    int64_t rows;
    int n;

    if (!q || db_number(j->db, "SELECT count(*) FROM job", &rows, e) < 0)
        return -1;
    while ((n = db_step(q, e)) > 0) {
        if (seqset_reserve(&j->queued, db_int(q, 0)) < 0)
            return err_set(e, ERR_NOMEM, "the queue");
        seqset_add(&j->queued, db_int(q, 0));
        j->counts.queued++;
    }
    j->counts.final = rows - j->counts.queued;
    return n;
}

/* Everybody's programs and tests are in it. A group that was let in on purpose stays in. */
static void shut_out_others(const char *path)
{
    static const char *const endings[] = { "", "-wal", "-shm" };
    char name[4110];
    struct stat st;

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, endings[i]);
        if (stat(name, &st) == 0 && (st.st_mode & S_IRWXO))
            (void)chmod(name, st.st_mode & 07777 & ~(mode_t)S_IRWXO);
    }
}

int jobs_open_table(struct jobs *j, struct err *e)
{
    char path[4096];

    int n = snprintf(path, sizeof path, "%s/scrc.db", j->dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, ERR_SETTING, "the directory's name is too long");
    shut_out_others(path); /* one that an earlier version made for everybody */
    if (db_open(path, DB_WRITER, &j->db, e) < 0 || migrate(j->db, e) < 0 ||
        load_table_id(j, e) < 0 || recover(j, e) < 0 || load_memory(j, e) < 0 ||
        jobs_outbox_load(j, e) < 0)
        return -1;
    return jobs_readers_open(&j->readers, path, e);
}
