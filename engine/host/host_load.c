#include "engine/host/host_load.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define STOPPED_MANY 100
#define SLOW_MS      2000

void host_load_parallel(struct host_diagnostic *f, int64_t parallel, int64_t cores)
{
    bool odd = parallel == 0 || parallel > 2 * cores;

    host_diagnostic_add(f, odd ? HOST_WARNING : HOST_OK, "%lld at once on %lld cores",
                        (long long)parallel, (long long)cores);
    if (parallel == 0)
        host_diagnostic_advise(f, "submissions are accepted and none is judged",
                               "set RUNNER_MAX_PARALLEL to the number of cores, or unset it");
    else if (odd)
        host_diagnostic_advise(
            f, "runs wait for a core, so they take longer and their times vary",
            "set RUNNER_MAX_PARALLEL to the number of cores, and add servers instead");
}

/* KiB of this field in /proc/meminfo; -1 when it is not there. */
static int64_t meminfo_kib(const char *meminfo, const char *name)
{
    const char *at = strstr(meminfo, name);
    char *end = NULL;

    if (!at || at[strlen(name)] != ':')
        return -1;
    at += strlen(name) + 1;
    int64_t kib = strtoll(at, &end, 10);
    return end > at ? kib : -1;
}

void host_load_memory(struct host_diagnostic *f, const char *meminfo, int64_t parallel,
                      int64_t run_bytes, int64_t build_bytes)
{
    int64_t free_mib = meminfo_kib(meminfo, "MemAvailable") / 1024;
    int64_t each = run_bytes > build_bytes ? run_bytes : build_bytes;
    int64_t need_mib = parallel * (each / MIB);

    if (meminfo_kib(meminfo, "MemAvailable") < 0) {
        host_diagnostic_add(f, HOST_OK, "not told");
        return;
    }
    host_diagnostic_add(f, free_mib < need_mib ? HOST_WARNING : HOST_OK,
                        "%lld MiB available; %lld at once may take %lld MiB", (long long)free_mib,
                        (long long)parallel, (long long)need_mib);
    if (free_mib < need_mib)
        host_diagnostic_advise(
            f, "when all take what they may, this host runs out of memory",
            "lower RUNNER_MAX_PARALLEL, RUNNER_MEMORY_LIMIT or BUILD_MEMORY_LIMIT, or "
            "spread the work over more servers");
}

void host_load_busy(struct host_diagnostic *f, const char *loadavg, int64_t cores)
{
    char *one_end = NULL, *end = NULL;

    (void)strtod(loadavg, &one_end);
    double five = strtod(one_end, &end);
    if (one_end == loadavg || end == one_end) {
        host_diagnostic_add(f, HOST_OK, "not told");
        return;
    }
    bool busy = five > 2 * (double)cores;
    host_diagnostic_add(f, busy ? HOST_WARNING : HOST_OK, "%.1f in five minutes, on %lld cores",
                        five, (long long)cores);
    if (busy)
        host_diagnostic_advise(f, "runs take longer than alone; verdicts allow for it, times vary",
                               "see what else runs here (top), or lower RUNNER_MAX_PARALLEL");
}

void host_load_containers(struct host_diagnostic *f, int64_t running, int64_t stopped,
                          int64_t asked_ms)
{
    bool slow = asked_ms > SLOW_MS, many = stopped > STOPPED_MANY;

    host_diagnostic_add(f, slow || many ? HOST_WARNING : HOST_OK,
                        "%lld running, %lld stopped; Docker answered in %lld ms",
                        (long long)running, (long long)stopped, (long long)asked_ms);
    if (slow)
        host_diagnostic_advise(
            f, "Docker is slow, so is the making of cells",
            "see `docker info` and its log; a slow disk or many containers are usual");
    else if (many)
        host_diagnostic_advise(
            f, "stopped containers take disk, and time of Docker; scrc removes its own",
            "docker container prune");
}
