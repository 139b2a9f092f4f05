#include "schema/store/jobs_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "schema/base/clock.h"
#include "schema/store/jobs_table.h"

#define LOCK_POLL_MS 50

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

/* ---- the lock and its holder ---- */

#define HOLDER_SIZE 120

/* For people only, so errors are ignored: on a full disk the text may be cut. */
static void write_holder(int fd, const char *instance)
{
    char text[HOLDER_SIZE], host[HOST_NAME_MAX + 1] = "?";

    (void)gethostname(host, sizeof host - 1);
    int n = snprintf(text, sizeof text, "process %d on %.40s, instance %.40s\n", (int)getpid(),
                     host, instance ? instance : "");
    if (ftruncate(fd, 0) == 0)
        (void)!pwrite(fd, text, (size_t)n, 0);
}

static void read_holder(int fd, char out[HOLDER_SIZE])
{
    ssize_t n = pread(fd, out, HOLDER_SIZE - 1, 0);

    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

/* 0 for an empty file: the first versions wrote no holder and did not set the time. */
static int64_t read_stamp(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || st.st_size == 0)
        return 0;
    return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / NS_PER_MS;
}

/* ---- the directory's id ---- */

#define ID_FILE "id"

static bool is_dir_id(const char *text, size_t len)
{
    static const char legal[] = "0123456789abcdefghijklmnopqrstuvwxyz-";

    return len > 0 && len < TEXT_ID_SIZE && strspn(text, legal) == len;
}

/* False: there is none, or it is damaged. */
static bool read_dir_id(int dir, char out[TEXT_ID_SIZE])
{
    char text[TEXT_ID_SIZE + 1];
    CLEANUP(closep) int fd = openat(dir, ID_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (!is_dir_id(text, strlen(text)))
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* A server that dies in the middle leaves no file, or the whole one. */
static void write_dir_id(int dir, const char *id)
{
    static const char fresh[] = ID_FILE ".new";
    char line[TEXT_ID_SIZE + 1];
    int len = snprintf(line, sizeof line, "%s\n", id);
    CLEANUP(closep)
    int fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || write(fd, line, (size_t)len) != len || fsync(fd) < 0 ||
        renameat(dir, fresh, dir, ID_FILE) < 0)
        (void)unlinkat(dir, fresh, 0);
    (void)fsync(dir);
}

void jobs_lock_read_id(struct jobs *j, const char *first)
{
    CLEANUP(closep) int dir = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)snprintf(j->dir_id, sizeof j->dir_id, "%s", first);
    if (dir >= 0 && !read_dir_id(dir, j->dir_id))
        write_dir_id(dir, j->dir_id);
}

void jobs_lock_fresh_id(const char *dir)
{
    CLEANUP(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char id[TEXT_ID_SIZE];

    text_random_id(id);
    if (fd >= 0 && !read_dir_id(fd, id))
        write_dir_id(fd, id);
}

/* ---- the lock ---- */

/* flock() has no timeout, so we poll. The kernel releases the lock when its holder dies. */
static int wait_for_lock(const struct jobs_config *c, int fd, struct err *e)
{
    int64_t deadline = clock_mono_ns() + c->lock_wait_ms * NS_PER_MS;
    char holder[HOLDER_SIZE];
    bool notified = false;

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_errno(e, ERR_DISK, errno, "lock %s/lock", c->dir);
        read_holder(fd, holder);
        if (clock_mono_ns() >= deadline)
            return err_set(e, ERR_CONFLICT, "another server has it: %s", holder);
        if (!notified && c->waits)
            c->waits(c->waits_ctx, c->dir, holder);
        notified = true;
        (void)poll(NULL, 0, LOCK_POLL_MS);
    }
    return 0;
}

int jobs_lock_dir(const struct jobs_config *c, int *ret_fd, int64_t *ret_stamp_ms, struct err *e)
{
    char path[4096];

    if (make_dir(c->dir, e) < 0)
        return -1;
    int n = snprintf(path, sizeof path, "%s/lock", c->dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, ERR_SETTING, "the directory's name is too long");
    CLEANUP(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(e, ERR_DISK, errno, "open %s", path);
    if (wait_for_lock(c, fd, e) < 0)
        return -1;
    *ret_stamp_ms = read_stamp(fd);
    write_holder(fd, c->instance);
    *ret_fd = TAKE_FD(fd);
    return 0;
}
