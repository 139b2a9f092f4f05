/* A11: its environment is a whitelist, and nobody else's can be read.
 *
 * run: => OK : known
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(void)
{
    static const char *const known[] = { "PATH=", "LANG=", "HOME=", "TMPDIR=", "LC_ALL=" };
    char byte;

    for (char **e = environ; *e; e++) {
        int ok = 0;
        for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
            ok |= strncmp(*e, known[i], strlen(known[i])) == 0;
        if (!ok)
            (void)printf("unknown: %s\n", *e);
    }
    int fd = open("/proc/1/environ", O_RDONLY);
    if (fd >= 0 && read(fd, &byte, 1) > 0)
        (void)puts("allowed: the environment of process 1");
    (void)puts("known");
    return 0;
}
