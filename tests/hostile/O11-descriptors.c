/* O11: the descriptors it was born with.
 *
 * run: => OK : 0 1 2
 */
#include <fcntl.h>
#include <stdio.h>

int main(void)
{
    const char *between = "";

    for (int fd = 0; fd < 65536; fd++)
        if (fcntl(fd, F_GETFD) >= 0) {
            (void)printf("%s%d", between, fd);
            between = " ";
        }
    (void)puts("");
    return 0;
}
