/* A10: what /proc and /sys tell, and what can be written there.
 *
 * run: => OK : quiet
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const secret[] = { "/proc/kcore",
                                      "/proc/keys",
                                      "/proc/timer_list",
                                      "/proc/sched_debug",
                                      "/proc/kpagecount",
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
    (void)puts("quiet");
    return 0;
}
