/* placement.c - what a core of its own is worth: CPU and wall time of a CPU-bound program beside
 * busy neighbours, placed by the kernel, on a core of its own, and on a core that is taken.
 *
 * placement [ROUNDS [MS]]: in turns, ROUNDS of each; a line for each placement: median CPU time and
 * its spread (largest less smallest, in per cent of the median), and the same of wall time.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 200 };

static const struct {
    const char *name;
    int neighbours; /* busy loops on the first core; -1: one that the kernel places */
    int core;       /* of the program; -1: the kernel places it, -2: the last allowed */
} placements[] = {
    { "alone, unpinned", 0, -1 },
    { "alone, pinned", 0, -2 },
    { "neighbour unpinned, unpinned", -1, -1 },
    { "neighbour unpinned, pinned", -1, -2 },
    { "neighbour on core 0, unpinned", 1, -1 },
    { "neighbour on core 0, pinned to the other", 1, -2 },
    { "neighbour on core 0, pinned beside it", 1, 0 },
};
enum { PLACEMENTS = sizeof placements / sizeof placements[0] };

static int cores[1024], cores_len;

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        perror("sched_setaffinity");
}

/* Touches half a megabyte, as programs do: a move to another core costs its cache. */
static void work(uint64_t steps)
{
    static volatile uint32_t cells[1 << 17];
    uint32_t at = 1;
    for (uint64_t i = 0; i < steps; i++) {
        at = at * 1664525u + 1013904223u;
        cells[at >> 15] += at;
    }
}

static pid_t start_neighbour(int core)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (core >= 0)
        pin(cores[core]);
    for (;;)
        work(1000000);
}

static void measure(int core, uint64_t steps, double *ret_cpu, double *ret_wall)
{
    struct rusage use;
    double began = seconds();
    pid_t pid = fork();

    if (pid == 0) {
        if (core != -1)
            pin(core == -2 ? cores[cores_len - 1] : cores[core]);
        work(steps);
        _exit(0);
    }
    (void)wait4(pid, NULL, 0, &use);
    *ret_wall = seconds() - began;
    *ret_cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
               (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void say(const char *what, double *of, int rounds)
{
    qsort(of, (size_t)rounds, sizeof *of, order);
    double median = of[rounds / 2];
    printf("  %s %7.1f ms, spread %5.1f %%", what, median * 1e3,
           (of[rounds - 1] - of[0]) / median * 100);
}

int main(int argc, char **argv)
{
    static double cpu[PLACEMENTS][ROUNDS_MAX], wall[PLACEMENTS][ROUNDS_MAX];
    int rounds = argc > 1 ? atoi(argv[1]) : 9;
    double want = (argc > 2 ? atof(argv[2]) : 1000) / 1e3, c, w;
    uint64_t steps = 20000000;
    cpu_set_t set;

    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    for (int i = 0; i < CPU_SETSIZE && cores_len < 1024; i++)
        if (CPU_ISSET((size_t)i, &set))
            cores[cores_len++] = i;
    measure(-1, steps, &c, &w);
    measure(-1, steps, &c, &w);
    steps = (uint64_t)((double)steps * want / c);
    for (int r = 0; r < rounds; r++)
        for (size_t p = 0; p < PLACEMENTS; p++) {
            pid_t neighbour = placements[p].neighbours == 0
                                  ? 0
                                  : start_neighbour(placements[p].neighbours < 0 ? -1 : 0);
            measure(placements[p].core, steps, &cpu[p][r], &wall[p][r]);
            if (neighbour > 0) {
                (void)kill(neighbour, SIGKILL);
                (void)waitpid(neighbour, NULL, 0);
            }
        }
    for (size_t p = 0; p < PLACEMENTS; p++) {
        printf("%-42s", placements[p].name);
        say("CPU", cpu[p], rounds);
        say("wall", wall[p], rounds);
        printf("\n");
    }
    return 0;
}
