/* S7: throws files of the image, which other cells use too, out of the page cache. The advice is
 * answered and not followed: else the kernel would see that there is no such descriptor.
 *
 * run: => OK : ignored
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    int fd = open("/bin/sh", O_RDONLY);

    if (fd < 0 || syscall(SYS_fadvise64, fd, 0L, 0L, POSIX_FADV_DONTNEED) != 0)
        (void)puts("refused");
    if (syscall(SYS_fadvise64, -1, 0L, 0L, POSIX_FADV_DONTNEED) != 0)
        (void)puts("followed");
    if (syscall(SYS_fadvise64, fd, 0L, 0L, POSIX_FADV_SEQUENTIAL) != 0)
        (void)puts("other advice is refused");
    (void)puts("ignored");
    return 0;
}
