/* A10: what /proc and /sys tell, and what can be written there.
 *
 * run: => OK : quiet
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char *const secret[] = { "/proc/kcore",
                                      "/proc/keys",
                                      "/proc/timer_list",
                                      "/proc/sched_debug",
                                      "/proc/kpagecount",
                                      "/proc/config.gz",
                                      "/proc/diskstats",
                                      "/proc/interrupts",
                                      "/proc/kallsyms",
                                      "/proc/locks",
                                      "/proc/modules",
                                      "/proc/pressure/cpu",
                                      "/proc/schedstat",
                                      "/proc/softirqs",
                                      "/proc/vmstat",
                                      "/proc/zoneinfo",
                                      "/sys/block/vda/stat",
                                      "/sys/class/net/lo/statistics/rx_bytes",
                                      "/sys/kernel/irq/1/per_cpu_count",
                                      "/sys/kernel/mm/ksm/full_scans",
                                      "/sys/firmware/dmi/tables/DMI",
                                      "/sys/kernel/security/apparmor/profiles" };
static const char *const written[] = { "/proc/sysrq-trigger",
                                       "/proc/sys/kernel/core_pattern",
                                       "/proc/sys/kernel/hostname",
                                       "/proc/sys/vm/drop_caches",
                                       "/proc/sys/fs/binfmt_misc/register",
                                       "/proc/self/uid_map",
                                       "/proc/self/setgroups",
                                       "/sys/kernel/uevent_helper",
                                       "/sys/fs/cgroup/cgroup.procs",
                                       "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                                       "/sys/fs/cgroup/memory/cgroup.procs",
                                       "/sys/fs/cgroup/memory.max" };

/* What is masked is /dev/null, where anybody may write. */
static int look(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    if (at->level == 1 && strncmp(path, "/proc/", 6) == 0 &&
        (isdigit((unsigned char)path[6]) || strstr(path, "self")))
        return FTW_SKIP_SUBTREE;
    if (kind == FTW_F && !(S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3)) &&
        access(path, W_OK) == 0)
        (void)printf("allowed: write %s\n", path);
    return FTW_CONTINUE;
}

int main(void)
{
    char byte;

    for (unsigned i = 0; i < sizeof secret / sizeof *secret; i++) {
        int fd = open(secret[i], O_RDONLY);
        if (fd >= 0 && read(fd, &byte, 1) > 0)
            (void)printf("allowed: read %s\n", secret[i]);
    }
    for (unsigned i = 0; i < sizeof written / sizeof *written; i++) {
        int fd = open(written[i], O_WRONLY);
        if (fd >= 0 && write(fd, "1\n", 2) >= 0)
            (void)printf("allowed: write %s\n", written[i]);
    }
    if (mkdir("/sys/fs/cgroup/memory/x", 0700) == 0 || mkdir("/sys/fs/cgroup/x", 0700) == 0)
        (void)puts("allowed: a cgroup of its own");
    (void)nftw("/proc", look, 16, FTW_PHYS | FTW_ACTIONRETVAL);
    (void)nftw("/sys", look, 16, FTW_PHYS | FTW_ACTIONRETVAL);
    (void)puts("quiet");
    return 0;
}
