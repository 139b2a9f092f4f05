/* P1, P8: processes that do nothing but make more. They end at a limit, all of them, and the next
 * program finds no trace of them.
 *
 * run: => TL RE
 * run: exec => TL RE
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char how[16] = "";

    (void)argc;
    if (fgets(how, sizeof how, stdin) && strcmp(how, "exec\n") == 0)
        for (;;)
            if (fork() == 0)
                execl("/proc/self/exe", argv[0], (char *)NULL);
    for (;;)
        (void)fork();
}
