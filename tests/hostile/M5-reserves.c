/* M5: address space without memory behind it is no use of memory.
 *
 * run: => OK : reserved
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    void *p = mmap(NULL, 1L << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *q = mmap(NULL, 8L << 30, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    (void)puts(p != MAP_FAILED && q != MAP_FAILED ? "reserved" : "refused");
    return 0;
}
