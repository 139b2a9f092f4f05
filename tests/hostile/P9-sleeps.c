/* P9: uses no CPU, ends never; also with the right answer already there.
 *
 * run: nothing => TL
 * run: answer => TL : answer
 */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    if (getchar() == 'a')
        (void)puts("answer");
    (void)fflush(stdout);
    for (;;)
        (void)sleep(1);
}
