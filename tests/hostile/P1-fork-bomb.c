/* P1, P8: processes that do nothing but make more. They end at a limit, all of them, and the next
 * program finds no trace of them. ML: what the kernel needs for so many is memory of theirs, too.
 *
 * run: => TL RE ML
 * run: exec => TL RE ML
 * run: orphans => TL RE ML
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char how[16] = "";

    (void)argc;
    (void)scanf("%15s", how);
    if (strcmp(how, "exec") == 0)
        for (;;)
            if (fork() == 0)
                execl("/proc/self/exe", argv[0], (char *)NULL);
    while (strcmp(how, "orphans") == 0)
        if (fork() == 0) {
            for (int i = 0; i < 50; i++)
                if (fork() == 0)
                    _exit(0);
            _exit(0);
        }
    for (;;)
        (void)fork();
}
