/* O7: changes what it shares with the judge: flags and size of the pipes, the bytes of stdin.
 *
 * run: x => OK : ok
 * run: x => OK : ok
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    for (int fd = 0; fd < 3; fd++) {
        (void)fcntl(fd, F_SETPIPE_SZ, 4096);
        (void)fcntl(fd, F_SETOWN, getpid());
        (void)fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND);
    }
    int in = open("/proc/self/fd/0", O_RDWR);
    if (in >= 0 && write(in, "y", 1) == 1)
        (void)puts("allowed: write to stdin");
    if (in >= 0 && ftruncate(in, 0) == 0)
        (void)puts("allowed: cut stdin");
    if (in >= 0 && mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, in, 0) != MAP_FAILED)
        (void)puts("allowed: map stdin for writing");
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0, 0) != MAP_FAILED)
        (void)puts("allowed: map stdin itself");
    int out = open("/proc/self/fd/1", O_RDONLY | O_NONBLOCK);
    if (out >= 0)
        (void)puts("allowed: read what was printed");
    int self = open("/proc/self/exe", O_RDWR);
    if (self >= 0 && write(self, "x", 1) == 1)
        (void)puts("allowed: write to its own executable");
    (void)puts(getchar() == 'x' ? "ok" : "stdin is not what was sent");
    return 0;
}
