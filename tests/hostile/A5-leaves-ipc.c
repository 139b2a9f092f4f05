/* A5: objects that outlive processes. All are refused.
 *
 * run: => OK : none
 * run: => OK : none
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

static void tried(long result, const char *what)
{
    if (result >= 0)
        (void)printf("allowed: %s\n", what);
}

int main(void)
{
    tried(msgget(4711, IPC_CREAT | 0666), "msgget");
    tried(semget(4711, 1, IPC_CREAT | 0666), "semget");
    tried(shmget(4711, 4096, IPC_CREAT | 0666), "shmget");
    tried(syscall(SYS_mq_open, "left", O_RDWR | O_CREAT, 0666, NULL), "mq_open");
    tried(open("/dev/mqueue/left", O_RDWR | O_CREAT, 0666), "a file in /dev/mqueue");
    tried(syscall(SYS_add_key, "user", "left", "x", 1, -4), "add_key");
    tried(syscall(SYS_request_key, "user", "left", NULL, -4), "request_key");
    tried(syscall(SYS_keyctl, 0, -4, 1), "keyctl");
    (void)puts("none");
    return 0;
}
