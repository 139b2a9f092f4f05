/* P7: signals to whoever started it, to process 1 and to all that /proc shows.
 *
 * run: => OK : survived
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int signals[] = {
    SIGSTOP, SIGTSTP, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1, SIGKILL
};

static void attack(pid_t pid)
{
    if (pid <= 0 || pid == getpid())
        return;
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (kill(pid, signals[i]) == 0)
            (void)printf("allowed: kill(%d, %d)\n", (int)pid, signals[i]);
        if (syscall(SYS_tgkill, pid, pid, signals[i]) == 0)
            (void)printf("allowed: tgkill(%d, %d)\n", (int)pid, signals[i]);
#ifdef SYS_pidfd_open
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (fd >= 0 && syscall(SYS_pidfd_send_signal, fd, signals[i], NULL, 0) == 0)
            (void)printf("allowed: pidfd_send_signal(%d, %d)\n", (int)pid, signals[i]);
        if (fd >= 0)
            (void)close(fd);
#endif
    }
}

int main(void)
{
    DIR *d = opendir("/proc");
    char self[16] = "";

    /* /proc may number us otherwise than getpid() does. */
    if (readlink("/proc/self", self, sizeof self - 1) < 0)
        return 2;
    attack(getppid());
    attack(1);
    for (struct dirent *e; d && (e = readdir(d));)
        if (isdigit((unsigned char)e->d_name[0]) && atoi(e->d_name) != atoi(self))
            attack(atoi(e->d_name));
    (void)puts("survived");
    return 0;
}
