/* P17: a hundred threads wait for a core side by side and sleep then. What each of them waited is
 * not added up: there were not a hundred times as many seconds.
 *
 * run: => TL : asleep
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void *spin(void *arg)
{
    struct timespec t;

    do
        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    while (t.tv_sec == 0 && t.tv_nsec < 7000000);
    return arg;
}

int main(void)
{
    pthread_t threads[100];

    for (int i = 0; i < 100; i++)
        if (pthread_create(&threads[i], NULL, spin, NULL) != 0)
            return 1;
    for (int i = 0; i < 100; i++)
        (void)pthread_join(threads[i], NULL);
    (void)puts("asleep");
    (void)fflush(stdout);
    (void)sleep(600);
    return 0;
}
