/* P2: threads until there are no more. The limit counts them; it is ours, not the host's.
 *
 * run: => OK : refused in time
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *wait_for_ever(void *unused)
{
    for (;;)
        (void)pause();
    return unused;
}

int main(void)
{
    pthread_attr_t small;
    pthread_t thread;
    int threads = 0;

    (void)pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, 65536);
    while (threads < 2000 && pthread_create(&thread, &small, wait_for_ever, NULL) == 0)
        threads++;
    (void)puts(threads < 1100 ? "refused in time" : "too many threads");
    (void)fflush(stdout);
    _exit(0);
}
