/* P10: eight children spin 400 ms each; the parent waits for none of them, sleeps and ends in time.
 * The sum counts (time limit 1 s; with two cores it is passed in less).
 *
 * run: => TL
 */
#include <time.h>
#include <unistd.h>

static void spin(long ms)
{
    struct timespec t;

    do
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < ms);
}

int main(void)
{
    for (int i = 0; i < 8; i++)
        if (fork() == 0) {
            spin(400);
            _exit(0);
        }
    for (int i = 0; i < 100; i++)
        (void)usleep(100000);
    return 0;
}
