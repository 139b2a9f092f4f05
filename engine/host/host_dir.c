#include "engine/host/host_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "engine/docker/docker.h"
#include "engine/host/host_facts.h"
#include "schema/base/err.h"

#define MOUNTINFO_MAX ((size_t)256 * 1024)

/* Makes every missing directory of an absolute path. */
static int make_directories(const char *dir, struct err *e)
{
    CLEANUP(freep) char *path = strdup(dir);
    if (!path)
        return err_set(e, ERR_NOMEM, "CELL_DIR");
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return err_errno(e, ERR_PLATFORM, errno, "CELL_DIR %.200s: make %.200s", dir, path);
        *slash = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_errno(e, ERR_PLATFORM, errno, "CELL_DIR %.200s", dir);
    return 0;
}

/* True when only cells' directories are in it: else its mode must not be changed by us. */
static bool holds_cells_only(int fd)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = own >= 0 ? fdopendir(own) : NULL;
    bool only = d != NULL;
    const struct dirent *e;

    if (!d)
        closep(&own);
    while (only && (e = readdir(d))) /* NOLINT(concurrency-mt-unsafe): our own dir */
        only = strncmp(e->d_name, "scrc-", 5) == 0 || strcmp(e->d_name, ".") == 0 ||
               strcmp(e->d_name, "..") == 0 || strcmp(e->d_name, "lost+found") == 0;
    if (d)
        (void)closedir(d);
    return only;
}

/* Other users of this host must not reach the sockets in it, nor replace the agent's file. */
static int close_to_others(const char *dir, struct err *e)
{
    CLEANUP(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, ERR_PLATFORM, errno, "CELL_DIR %.200s", dir);
    bool foreign = st.st_uid != geteuid();
    if (!foreign && (st.st_mode & 0077) == 0)
        return 0;
    if (!holds_cells_only(fd))
        return err_set(e, ERR_PLATFORM,
                       "CELL_DIR %.200s is %s and holds other things than cells: give it a "
                       "directory of its own, with mode 0700",
                       dir, foreign ? "another user's" : "open to other users");
    if ((foreign && fchown(fd, geteuid(), (gid_t)-1) < 0) || fchmod(fd, 0700) < 0)
        return err_errno(e, ERR_PLATFORM, errno, "close CELL_DIR %.200s to other users", dir);
    return 0;
}

static int open_cell_dir(const char *dir, char **ret_dir, bool *ret_noexec, struct err *e)
{
    struct statvfs fs;

    if (dir[0] != '/')
        return err_set(e, ERR_PLATFORM, "CELL_DIR %.200s is not an absolute path", dir);
    if (make_directories(dir, e) < 0)
        return -1;
    CLEANUP(freep) char *real = realpath(dir, NULL);
    if (!real || statvfs(real, &fs) < 0 || access(real, R_OK | W_OK | X_OK) < 0)
        return err_errno(e, ERR_PLATFORM, errno, "CELL_DIR %.200s", dir);
    if (close_to_others(real, e) < 0)
        return -1;
    *ret_noexec = (fs.f_flag & ST_NOEXEC) != 0;
    *ret_dir = TAKE(real);
    return 0;
}

int host_dir_cells(const char *dir, char **ret_dir, struct err *e)
{
    CLEANUP(freep) char *real = NULL, *other = NULL;
    bool noexec = false;

    if (open_cell_dir(dir, &real, &noexec, e) < 0)
        return -1;
    if (!noexec) {
        *ret_dir = TAKE(real);
        return 0;
    }
    if (strcmp(dir, HOST_CELL_DIR) != 0)
        return err_set(e, ERR_PLATFORM,
                       "CELL_DIR %.200s is on a file system mounted noexec, and the agent of every "
                       "cell runs from it: choose another place",
                       dir);
    if (open_cell_dir(HOST_CELL_DIR_EXEC, &other, &noexec, e) < 0)
        return -1;
    if (noexec)
        return err_set(e, ERR_PLATFORM, "%s and %s are both mounted noexec: set CELL_DIR",
                       HOST_CELL_DIR, HOST_CELL_DIR_EXEC);
    *ret_dir = TAKE(other);
    return 0;
}

int host_dir_docker(struct docker *d, const char *dir, char **ret_host_dir, struct err *e)
{
    char id[HOST_FACTS_ID_SIZE];
    json_auto_t *container = NULL;
    CLEANUP(freep) char *mountinfo = malloc(MOUNTINFO_MAX);
    CLEANUP(freep) char *path = NULL;

    if (!mountinfo)
        return err_set(e, ERR_NOMEM, "CELL_DIR");
    if (!host_facts_read("/proc/self/mountinfo", mountinfo, MOUNTINFO_MAX) ||
        !host_facts_container(mountinfo, id)) {
        path = strdup(dir);
        if (!path)
            return err_set(e, ERR_NOMEM, "CELL_DIR");
        *ret_host_dir = TAKE(path);
        return 0;
    }
    if (docker_inspect(d, id, &container, e) < 0) {
        if (e && e->kind != ERR_NOT_FOUND)
            return err_wrap(e, "look for CELL_DIR on the host");
        return err_set(e, ERR_PLATFORM,
                       "this server runs in container %.12s, which the Docker it was given does "
                       "not know: give it the socket of its own engine",
                       id);
    }
    path = host_facts_source(container, dir);
    if (!path)
        return err_set(
            e, ERR_PLATFORM,
            "this server runs in container %.12s and its CELL_DIR %.150s is on no volume "
            "of it: Docker could not show it to the cells; add -v VOLUME:%.150s",
            id, dir, dir);
    *ret_host_dir = TAKE(path);
    return 0;
}

bool host_dir_kept(const char *dir)
{
    char id[HOST_FACTS_ID_SIZE];
    CLEANUP(freep) char *mountinfo = malloc(MOUNTINFO_MAX);
    CLEANUP(freep) char *path = realpath(dir, NULL);

    return !mountinfo || !path ||
           !host_facts_read("/proc/self/mountinfo", mountinfo, MOUNTINFO_MAX) ||
           !host_facts_container(mountinfo, id) || host_facts_keeps(mountinfo, path);
}
