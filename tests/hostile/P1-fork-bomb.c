/* P1, P8: processes that do nothing but make more. They end at a limit, all of them, and the next
 * program finds no trace of them.
 *
 * run: => TL RE
 * run: exec => TL RE
 * run: orphans => TL RE
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
