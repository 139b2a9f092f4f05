/* P4: a hundred children hold stdout open long after the answer. The run ends with its main
 * process.
 *
 * run: => OK : done
 */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    for (int i = 0; i < 100; i++)
        if (fork() == 0) {
            (void)sleep(20);
            _exit(0);
        }
    (void)puts("done");
    return 0;
}
