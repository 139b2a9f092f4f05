#include "engine/host/host_capacity.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/host_facts.h"
#include "schema/base/base.h"
#include "schema/base/clock.h"

#define USES_EXAMPLE 100

/* The numbers that follow `name` at the start of a line. False: there are fewer. */
static bool read_numbers(const char *stat, const char *name, int64_t *out, size_t len)
{
    const char *at = strstr(stat, name);

    if (!at)
        return false;
    at += strlen(name);
    for (size_t i = 0; i < len; i++) {
        char *end;
        at += strspn(at, " "); /* strtoll() would also go on in the next line */
        out[i] = strtoll(at, &end, 10);
        if (end == at || *at == '\n')
            return false;
        at = end;
    }
    return true;
}

bool host_capacity_parse(const char *stat, int64_t hertz, struct host_capacity_moment *ret_moment)
{
    enum { USER, NICE, SYSTEM, IDLE, IO_WAIT, TIMES };
    int64_t times[TIMES], running = 0;

    if (hertz < 1 || !read_numbers(stat, "cpu ", times, TIMES) ||
        !read_numbers(stat, "\nprocs_running ", &running, 1))
        return false;
    ret_moment->idle_ns = (times[IDLE] + times[IO_WAIT]) * (NS_PER_S / hertz);
    ret_moment->running = running;
    return true;
}

struct host_capacity_moment host_capacity_now(void)
{
    struct host_capacity_moment now = { 0 };
    char text[32768]; /* a line for each core, and a long one of interrupts, come before the end */

    if (!host_facts_read("/proc/stat", text, sizeof text) ||
        !host_capacity_parse(text, sysconf(_SC_CLK_TCK), &now))
        return (struct host_capacity_moment){ 0 };
    now.wall_ns = clock_mono_ns();
    return now;
}

int64_t host_capacity_cpu(const struct host_capacity_moment *begin,
                          const struct host_capacity_moment *end, int64_t cores)
{
    if (begin->wall_ns == 0 || end->wall_ns == 0)
        return 0;
    int64_t busy = (end->wall_ns - begin->wall_ns) * cores - (end->idle_ns - begin->idle_ns);
    return busy > 0 ? busy : 1;
}

static bool is_better(const struct host_capacity *a, const struct host_capacity *b)
{
    if (b->life_ns == 0 || a->life_ns == 0)
        return a->life_ns > 0;
    return a->busy != b->busy ? b->busy : a->life_ns + a->run_ns < b->life_ns + b->run_ns;
}

struct host_capacity host_capacity_keep(const struct host_capacity *measured)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct host_capacity best; /* guarded by lock */

    (void)pthread_mutex_lock(&lock);
    if (is_better(measured, &best))
        best = *measured;
    struct host_capacity kept = best;
    (void)pthread_mutex_unlock(&lock);
    return kept;
}

/* To two digits, for more would promise what was not measured. */
static void say_rate(char out[40], int64_t cores, int64_t ns, bool busy)
{
    int64_t rate = (cores * NS_PER_S + ns / 2) / (ns > 0 ? ns : 1), unit = 1;

    while (rate / unit >= 100)
        unit *= 10;
    rate = (rate + unit / 2) / unit * unit;
    if (rate == 0)
        (void)snprintf(out, 40, "less than 1");
    else
        (void)snprintf(out, 40, "%s %lld", busy ? "at least" : "about", (long long)rate);
}

void host_capacity_say(struct host_diagnostic *f, const struct host_capacity *c, int64_t cores,
                       int64_t uses)
{
    int64_t n = uses > 1 ? uses : USES_EXAMPLE;
    char each[40], reused[40];

    if (c->life_ns == 0 || c->run_ns == 0) {
        host_diagnostic_add(f, HOST_OK, "not measured: no program could be run in a cell");
        return;
    }
    say_rate(each, cores, c->life_ns + c->run_ns, c->busy);
    say_rate(reused, cores, c->run_ns + c->life_ns / n, c->busy);
    host_diagnostic_add(f, HOST_OK,
                        "%s, a container for each submission: %s a second; "
                        "RUNNER_CELL_USES=%lld: %s%s",
                        c->program, each, (long long)n, reused,
                        c->busy ? " (this host is busy)" : "");
}
