/* M3: only a child is killed for want of memory, and the main process ends well: still ML.
 *
 * run: => ML
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    if (fork() == 0) {
        volatile char *p = malloc(400L * 1024 * 1024);
        for (long i = 0; p && i < 400L * 1024 * 1024; i += 4096)
            p[i] = 1;
        _exit(0);
    }
    (void)wait(NULL);
    (void)puts("answer");
    return 0;
}
