/* M6: much, then little: the peak of one run is not the next one's.
 *
 * run: 40 => OK memory 40..48
 * run: 1 => OK memory 0..4
 * run: 20 => OK memory 20..28
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    size_t mib;

    if (scanf("%zu", &mib) != 1)
        return 2;
    volatile char *p = malloc(mib << 20);
    for (size_t i = 0; i < mib << 20; i += 4096)
        p[i] = 1;
    (void)usleep(50000);
    return p[0] != 1;
}
