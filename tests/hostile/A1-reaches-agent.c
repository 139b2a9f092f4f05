/* A1: into every other process that /proc shows: memory, environment, descriptors, ptrace.
 *
 * run: => OK : alone
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void open_in(const char *pid, const char *file, int flags)
{
    char path[300], byte;

    (void)snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
    int fd = open(path, flags);
    if (fd < 0)
        return;
    if ((flags & O_ACCMODE) != O_RDONLY || read(fd, &byte, 1) >= 0 || flags & O_DIRECTORY)
        (void)printf("allowed: open %s\n", path);
    (void)close(fd);
}

static void reach(const char *name)
{
    pid_t pid = atoi(name);
    char byte;
    struct iovec here = { &byte, 1 }, there = { &byte, 1 };

    open_in(name, "mem", O_RDONLY);
    open_in(name, "mem", O_RDWR);
    open_in(name, "environ", O_RDONLY);
    open_in(name, "maps", O_RDONLY);
    open_in(name, "fd", O_RDONLY | O_DIRECTORY);
    open_in(name, "root", O_RDONLY | O_DIRECTORY);
    open_in(name, "cwd", O_RDONLY | O_DIRECTORY);
    open_in(name, "ns/user", O_RDONLY);
    open_in(name, "oom_score_adj", O_WRONLY);
    open_in(name, "uid_map", O_WRONLY);
    open_in(name, "clear_refs", O_WRONLY);
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0)
        (void)printf("allowed: ptrace %s\n", name);
    if (process_vm_readv(pid, &here, 1, &there, 1, 0) == 1)
        (void)printf("allowed: process_vm_readv %s\n", name);
#ifdef SYS_pidfd_getfd
    int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    for (int fd = 0; handle >= 0 && fd < 16; fd++)
        if (syscall(SYS_pidfd_getfd, handle, fd, 0) >= 0)
            (void)printf("allowed: descriptor %d of %s\n", fd, name);
#endif
}

int main(void)
{
    DIR *d = opendir("/proc");
    char self[16] = "";

    if (!d || readlink("/proc/self", self, sizeof self - 1) < 0)
        return 2;
    for (struct dirent *e; (e = readdir(d));)
        if (isdigit((unsigned char)e->d_name[0]) && atoi(e->d_name) != atoi(self))
            reach(e->d_name);
    (void)puts("alone");
    return 0;
}
