#include "engine/cell/cell_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/agent/protocol.h"
#include "schema/base/err.h"
#include "schema/base/text.h"

extern const char cell_agent[];
extern const size_t cell_agent_size;

/* The file names inside, from the paths in protocol.h. */
#define AGENT_NAME  (&AGENT_PATH[sizeof AGENT_DIR])
#define SOCKET_NAME (&AGENT_SOCKET[sizeof AGENT_DIR])

/* 16 characters of each id: 64 random bits, and still readable in `docker ps`. */
static void make_prefix(const char *table, const char *instance, char out[CELL_DIR_NAME_SIZE])
{
    (void)snprintf(out, CELL_DIR_NAME_SIZE, "scrc-%.16s-%.16s%s", table, instance,
                   instance[0] ? "-" : "");
}

void cell_dir_name(const char *table, const char *instance, char out[CELL_DIR_NAME_SIZE])
{
    static atomic_uint number;
    char secret[TEXT_ID_SIZE];

    text_random_id(secret);
    make_prefix(table, instance, out);
    size_t len = strlen(out);
    (void)snprintf(out + len, CELL_DIR_NAME_SIZE - len, "%u-%.16s", atomic_fetch_add(&number, 1),
                   secret);
}

/* A copy, not a link: a file lock on the inode in one cell must not be seen in another. */
static int write_agent(int dir_fd, struct err *e)
{
    CLEANUP(closep)
    int fd = openat(dir_fd, AGENT_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0555);
    if (fd < 0)
        return err_errno(e, ERR_DISK, errno, "make the agent's file");
    for (size_t done = 0; done < cell_agent_size;) {
        ssize_t n = write(fd, cell_agent + done, cell_agent_size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(e, ERR_DISK, n < 0 ? errno : EIO, "write the agent's file");
        done += (size_t)n;
    }
    if (fchmod(fd, 0555) < 0) /* the umask may have removed bits */
        return err_errno(e, ERR_DISK, errno, "make the agent executable");
    return 0;
}

int cell_dir_make(const char *base, const char *name, int *ret_dir_fd, struct err *e)
{
    CLEANUP(closep) int base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (base_fd < 0)
        return err_errno(e, ERR_DISK, errno, "CELL_DIR %.200s", base);
    if (mkdirat(base_fd, name, 0711) < 0)
        return err_errno(e, ERR_DISK, errno, "make %.200s/%s", base, name);

    CLEANUP(closep) int fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fchmod(fd, 0711) < 0 ? err_errno(e, ERR_DISK, errno, "open %s", name)
                                            : write_agent(fd, e);
    if (rc < 0) {
        cell_dir_remove(base, name);
        return err_wrap(e, "in %.200s", base);
    }
    *ret_dir_fd = TAKE_FD(fd);
    return 0;
}

void cell_dir_remove(const char *base, const char *name)
{
    if (strncmp(name, "scrc-", 5) != 0 || strchr(name, '/'))
        return; /* the name comes from a container's label, which may be anything */
    CLEANUP(closep) int base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (base_fd < 0)
        return;
    CLEANUP(closep) int fd = openat(base_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)unlinkat(fd, AGENT_NAME, 0);
    (void)unlinkat(fd, SOCKET_NAME, 0);
    (void)unlinkat(base_fd, name, AT_REMOVEDIR);
}

void cell_dir_sweep(const char *base, const char *table, const char *instance)
{
    char ours[CELL_DIR_NAME_SIZE], alive[CELL_DIR_NAME_SIZE];
    DIR *dir = opendir(base);
    if (!dir)
        return;

    make_prefix(table, "", ours);
    make_prefix(table, instance, alive);
    for (;;) {
        const struct dirent *entry = readdir(dir); /* NOLINT(concurrency-mt-unsafe): our own dir */
        if (!entry)
            break;
        if (strncmp(entry->d_name, ours, strlen(ours)) == 0 &&
            strncmp(entry->d_name, alive, strlen(alive)) != 0)
            cell_dir_remove(base, entry->d_name);
    }
    (void)closedir(dir);
}
