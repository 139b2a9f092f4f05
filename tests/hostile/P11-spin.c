/* P11: CPU time just below the limit of 1 s, and just above.
 *
 * run: 900 => OK
 * run: 1100 => TL
 * run: 900 => OK
 * run: 1100 => TL
 */
#include <stdio.h>
#include <time.h>

int main(void)
{
    struct timespec t;
    long ms;

    if (scanf("%ld", &ms) != 1)
        return 2;
    do
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < ms);
    return 0;
}
