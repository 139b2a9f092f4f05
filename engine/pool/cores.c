#include "engine/pool/cores.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"

#define CPU_DIR "/sys/devices/system/cpu"
#define REST_NS (10 * NS_PER_S)
/* A run this long is sampled for what it waited (agent/monitor.c); of a shorter one, what it did
 * not use of its wall time stands for it. */
#define SAMPLED_NS   (200 * NS_PER_MS)
#define LOST_LEAST   (2 * NS_PER_MS)
#define LOST_PART    8 /* more than this part of its wall time */
#define SIBLINGS_MAX 16

struct cores {
    bool given; /* at most as many runs as cores */
    size_t len;
    struct core {
        int number;
        atomic_bool taken;
        _Atomic int64_t rest_until_ns; /* clock_mono_ns(); not given before */
    } all[CPU_SETSIZE];
};

/* The place of a core among the threads of its physical core: 0 for the first. */
static int sibling_rank(int number, const char *dir)
{
    char path[256], text[128] = "", *at = text;
    int n = snprintf(path, sizeof path, "%s/cpu%d/topology/thread_siblings_list", dir, number);
    CLEANUP(closep)
    int fd = n > 0 && (size_t)n < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        return 0;
    for (int rank = 0; rank < SIBLINGS_MAX;) { /* "0,4" or "0-1" */
        char *end;
        long first = strtol(at, &end, 10), last = first;
        if (end == at)
            break;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        if (number >= first && number <= last)
            return rank + (int)(number - first);
        rank += last >= first ? (int)(last - first) + 1 : 1;
        at = *end == ',' ? end + 1 : end;
    }
    return 0;
}

void cores_order(int *numbers, size_t len, const char *dir)
{
    size_t done = 0;

    for (int rank = 0; rank < SIBLINGS_MAX && done < len; rank++)
        for (size_t i = done; i < len; i++) {
            int number = numbers[i];
            if (sibling_rank(number, dir) != rank)
                continue;
            for (size_t j = i; j > done; j--)
                numbers[j] = numbers[j - 1];
            numbers[done++] = number;
        }
}

int cores_open(int64_t parallel, struct cores **ret_cores, struct err *e)
{
    struct cores *c = calloc(1, sizeof *c);
    int numbers[CPU_SETSIZE];
    cpu_set_t set;

    if (!c)
        return err_set(e, ERR_NOMEM, "the cores");
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (int i = 0; i < CPU_SETSIZE; i++)
            if (CPU_ISSET((size_t)i, &set))
                numbers[c->len++] = i;
    cores_order(numbers, c->len, CPU_DIR);
    for (size_t i = 0; i < c->len; i++)
        c->all[i].number = numbers[i];
    c->given = parallel <= (int64_t)c->len;
    *ret_cores = c;
    return 0;
}

struct cores *cores_free(struct cores *c)
{
    free(c);
    return NULL;
}

int64_t cores_count(const struct cores *c)
{
    return c->len > 0 ? (int64_t)c->len : sysconf(_SC_NPROCESSORS_ONLN);
}

uint32_t cores_take(struct cores *c)
{
    if (!c || !c->given)
        return 0;
    int64_t now = clock_mono_ns();
    for (size_t i = 0; i < c->len; i++)
        if (atomic_load(&c->all[i].rest_until_ns) <= now &&
            !atomic_exchange(&c->all[i].taken, true))
            return (uint32_t)c->all[i].number + 1;
    return 0;
}

static bool has_waited(const struct cores_use *use)
{
    int64_t lost = use->wall_ns > SAMPLED_NS ? use->waited_ns : use->wall_ns - use->cpu_ns;

    return lost > LOST_LEAST && lost > use->wall_ns / LOST_PART;
}

void cores_give(struct cores *c, uint32_t core, const struct cores_use *use)
{
    for (size_t i = 0; core > 0 && i < c->len; i++) {
        if ((uint32_t)c->all[i].number + 1 != core)
            continue;
        if (has_waited(use))
            atomic_store(&c->all[i].rest_until_ns, clock_mono_ns() + REST_NS);
        atomic_store(&c->all[i].taken, false);
        return;
    }
}
