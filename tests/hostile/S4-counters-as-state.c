/* S4: what a run could leave in times and counters for the next one in the same cell. The second
 * run finds what the first has done, or what both could read.
 *
 * run: leave => OK : none
 * run: find => OK : none
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK 123456789

static int leaving;

/* Devices and links, the agent's own file, /dev itself: what the container has and no box makes
 * anew. */
static int mark(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    const struct timespec times[2] = { { MARK, 0 }, { MARK, 0 } };

    (void)at;
    if (kind == FTW_D && strcmp(path, "/dev/shm") == 0)
        return FTW_SKIP_SUBTREE;
    if (leaving && (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0 ||
                    utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) == 0))
        (void)printf("allowed: times of %s\n", path);
    if (!leaving && (st->st_mtime == MARK || st->st_atime == MARK))
        (void)printf("found: times of %s\n", path);
    return FTW_CONTINUE;
}

static int counts(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    char byte;
    int fd = kind == FTW_F ? open(path, O_RDONLY | O_NONBLOCK) : -1;

    (void)st;
    (void)at;
    if (fd >= 0 && read(fd, &byte, 1) > 0)
        (void)printf("allowed: read %s\n", path);
    if (fd >= 0)
        (void)close(fd);
    return FTW_CONTINUE;
}

int main(void)
{
    char how[16] = "";

    (void)scanf("%15s", how);
    leaving = strcmp(how, "leave") == 0;
    (void)nftw("/dev", mark, 16, FTW_PHYS | FTW_ACTIONRETVAL);
    (void)nftw("/scrc", mark, 16, FTW_PHYS | FTW_ACTIONRETVAL);
    (void)nftw("/sys/fs", counts, 16, FTW_PHYS | FTW_ACTIONRETVAL);
    (void)puts("none");
    return 0;
}
