/* M6: much, then little: the peak of one run is not the next one's. Seen also where it is short.
 *
 * run: 40 => OK memory 40..48
 * run: 1 => OK memory 0..4
 * run: 20 => OK memory 20..28
 * run: 20 short => OK memory 20..28
 * run: 20 file => OK memory 19..28
 * run: 0 file => OK memory 0..4
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Memory that no process has mapped. */
static int keep_in_file(size_t mib)
{
    static char block[1 << 20];
    FILE *f = fopen("/tmp/much", "w");

    for (size_t i = 0; f && i < mib; i++)
        (void)fwrite(block, 1, sizeof block, f);
    return !f || fclose(f) != 0;
}

int main(void)
{
    size_t mib;

    char how[8] = "";

    if (scanf("%zu %7s", &mib, how) < 1)
        return 2;
    if (strcmp(how, "file") == 0)
        return keep_in_file(mib);
    volatile char *p = malloc(mib << 20);
    for (size_t i = 0; i < mib << 20; i += 4096)
        p[i] = 1;
    if (!how[0])
        (void)usleep(50000);
    return p[0] != 1;
}
