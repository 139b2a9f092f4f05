/* M9: the input's pages are the program's memory only where it has copied them.
 *
 * run: abc => OK memory 0..4 : 4
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct stat st;
    long sum = 0;
    char *p;

    (void)argv;
    if (fstat(0, &st) < 0)
        return 1;
    if (argc == 1) {
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, 0, 0);
    } else {
        p = malloc((size_t)st.st_size);
        if (!p || read(0, p, (size_t)st.st_size) != st.st_size)
            return 1;
    }
    if (p == MAP_FAILED)
        return 1;
    for (long i = 0; i < st.st_size; i++)
        sum += p[i] != 0;
    (void)printf("%ld\n", sum);
    return 0;
}
