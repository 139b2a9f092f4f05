/* A8: mounts, namespaces, another root: no box within the box.
 *
 * run: => OK : none
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void tried(long result, const char *what)
{
    if (result >= 0)
        (void)printf("allowed: %s\n", what);
}

static void clone_with(int flags, const char *what)
{
    long pid = syscall(SYS_clone, (long)(flags | SIGCHLD), 0, 0, 0, 0);

    if (pid == 0)
        _exit(0);
    tried(pid, what);
    if (pid > 0)
        (void)waitpid((pid_t)pid, NULL, 0);
}

int main(void)
{
    struct {
        unsigned long long flags, rest[10];
    } args = { .flags = CLONE_NEWUSER };
    int ns = open("/proc/self/ns/user", O_RDONLY);

    tried(mount("x", "/tmp", "tmpfs", 0, NULL), "mount tmpfs");
    tried(mount("/", "/tmp", NULL, MS_BIND, NULL), "bind mount");
    tried(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL), "remount");
    tried(mount("proc", "/tmp", "proc", 0, NULL), "mount proc");
    tried(umount2("/tmp", MNT_DETACH), "umount /tmp");
    tried(umount2("/proc/acpi", MNT_DETACH), "umount a mask");
    tried(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    tried(chroot("/tmp"), "chroot");
    tried(unshare(CLONE_NEWUSER), "unshare user");
    tried(unshare(CLONE_NEWNS), "unshare mount");
    tried(unshare(CLONE_NEWNET), "unshare net");
    tried(setns(ns, 0), "setns");
    clone_with(CLONE_NEWUSER, "clone user");
    clone_with(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS, "clone user, pid, mount");
    clone_with(CLONE_NEWNET, "clone net");
    clone_with(CLONE_NEWUTS, "clone uts");
    clone_with(0x02000000, "clone cgroup");
#ifdef SYS_clone3
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        _exit(0);
    tried(pid, "clone3");
    if (errno != ENOSYS)
        (void)puts("allowed: clone3 is not ENOSYS, libc would not fall back");
#endif
#ifdef SYS_open_tree
    tried(syscall(SYS_open_tree, AT_FDCWD, "/", 1), "open_tree");
    tried(syscall(SYS_fsopen, "tmpfs", 0), "fsopen");
    tried(syscall(SYS_move_mount, AT_FDCWD, "/", AT_FDCWD, "/tmp", 0), "move_mount");
#endif
    tried(syscall(442, AT_FDCWD, "/", 0, NULL, 0), "mount_setattr");
    tried(reboot(RB_AUTOBOOT), "reboot");
    tried(sethostname("x", 1), "sethostname");
    (void)puts("none");
    return 0;
}
