/* O5: closes what it was given, or opens it again by name.
 *
 * run: one => OK
 * run: all => TL
 * run: reopen => OK : again
 * run: device => OK : again
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    char how[16] = "";
    int fd = -1;

    (void)scanf("%15s", how);
    if (strcmp(how, "one") == 0)
        return close(1);
    if (strcmp(how, "all") == 0) {
        for (int i = 0; i < 3; i++)
            (void)close(i);
        for (;;)
            ;
    }
    if (strcmp(how, "reopen") == 0)
        fd = open("/proc/self/fd/1", O_WRONLY);
    if (strcmp(how, "device") == 0)
        fd = open("/dev/stdout", O_WRONLY);
    return write(fd, "again\n", 6) != 6;
}
