/* P5: a child writes to stdout after the main process has ended.
 *
 * run: => OK : answer
 * run: => OK : answer
 * run: => OK : answer
 */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    if (fork() == 0) {
        (void)usleep(200000);
        (void)puts("junk");
        return 0;
    }
    (void)puts("answer");
    return 0;
}
