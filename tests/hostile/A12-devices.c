/* A12: devices, made or found.
 *
 * run: => OK : none
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int main(void)
{
    static const char *const there[] = { "/dev/mem",   "/dev/kmem",    "/dev/port",
                                         "/dev/kvm",   "/dev/fuse",    "/dev/sda",
                                         "/dev/vda",   "/dev/nvme0n1", "/dev/kmsg",
                                         "/dev/loop0", "/dev/net/tun", "/dev/vhost-net",
                                         "/dev/ptmx",  "/dev/pts/ptmx" };

    for (unsigned i = 0; i < sizeof there / sizeof *there; i++)
        if (open(there[i], O_RDONLY) >= 0)
            (void)printf("allowed: open %s\n", there[i]);
    if (mknod("/tmp/null", S_IFCHR | 0666, makedev(1, 3)) == 0)
        (void)puts("allowed: mknod of a device");
    if (mknod("/tmp/disk", S_IFBLK | 0666, makedev(8, 0)) == 0)
        (void)puts("allowed: mknod of a disk");
    int full = open("/dev/full", O_WRONLY);
    if (full >= 0 && write(full, "x", 1) == 1)
        (void)puts("allowed: writing to /dev/full");
    (void)puts("none");
    return 0;
}
