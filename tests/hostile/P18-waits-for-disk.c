/* P18: waits for a disk, from which nothing is kept, for so many milliseconds. That is forgiven
 * where the kernel counts it, and not for ever.
 *
 * run: 1300 => OK TL
 * run: 60000 => TL
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(void)
{
    static _Alignas(4096) char page[4096];
    int fd = open("/bin/sh", O_RDONLY | O_DIRECT);
    struct stat st;
    long ms, end;

    if (scanf("%ld", &ms) != 1)
        return 2;
    end = now_ms() + ms;
    while (now_ms() < end) {
        if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < 8192) /* a file system without it */
            (void)usleep(1000);
        else if (pread(fd, page, sizeof page, random() % (st.st_size / 4096) * 4096) < 0)
            return 1;
    }
    (void)puts("read");
    return 0;
}
