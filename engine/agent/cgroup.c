#include "engine/agent/cgroup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/agent/fault.h"

/* The kernel charges memory in batches, so the peak can be a little below a limit that was met. */
#define PEAK_SLACK (256 * KIB)

/* Where a counter is: the number after `key` (NULL: the file holds the number alone) and, on the
 * same line, after `field`; the number after the key `add` is added; the sum is multiplied by
 * `unit`. No path: this version has no such counter. */
struct cgroup_place {
    const char *path, *key, *add;
    int64_t unit;
    bool optional; /* a missing key means 0; a missing file or field: there is no such counter */
    const char *field;
};

static const struct cgroup_place counter_places[2][CGROUP_COUNTERS] = {
    {
        [CGROUP_CPU] = { "cpuacct/cpuacct.usage", NULL, NULL, 1, false, NULL },
        [CGROUP_MEMORY] = { "memory/memory.stat", "rss", "shmem", 1, false, NULL },
        [CGROUP_OOM_KILLS] = { "memory/memory.oom_control", "oom_kill", NULL, 1, false, NULL },
        [CGROUP_HITS] = { "memory/memory.failcnt", NULL, NULL, 1, false, NULL },
        [CGROUP_SWAP_HITS] = { "memory/memory.memsw.failcnt", NULL, NULL, 1, true, NULL },
        [CGROUP_PEAK] = { "memory/memory.max_usage_in_bytes", NULL, NULL, 1, false, NULL },
        [CGROUP_LIMIT] = { "memory/memory.limit_in_bytes", NULL, NULL, 1, false, NULL },
        [CGROUP_THROTTLED] = { "cpu/cpu.stat", "throttled_time", NULL, 1, true, NULL },
        [CGROUP_PIDS_HITS] = { "pids/pids.events", "max", NULL, 1, true, NULL },
    },
    {
        [CGROUP_CPU] = { "cpu.stat", "usage_usec", NULL, 1000, false, NULL },
        [CGROUP_MEMORY] = { "memory.stat", "anon", "shmem", 1, false, NULL },
        [CGROUP_OOM_KILLS] = { "memory.events", "oom_kill", NULL, 1, false, NULL },
        [CGROUP_HITS] = { "memory.events", "oom", NULL, 1, false, NULL },
        [CGROUP_THROTTLED] = { "cpu.stat", "throttled_usec", NULL, 1000, true, NULL },
        [CGROUP_CPU_WAIT] = { "cpu.pressure", "full", NULL, 1000, true, "total=" },
        [CGROUP_IO_WAIT] = { "io.pressure", "full", NULL, 1000, true, "total=" },
        [CGROUP_PIDS_HITS] = { "pids.events", "max", NULL, 1, true, NULL },
    },
};

static bool parse_counter(const char *s, int64_t unit, int64_t *ret_value)
{
    char *end;

    if (*s < '0' || *s > '9')
        return false;
    uintmax_t n = strtoumax(s, &end, 10); /* too large: UINTMAX_MAX */
    if (n > (uintmax_t)(INT64_MAX / unit) || (*end != '\n' && *end != '\0'))
        return false;
    *ret_value = (int64_t)n * unit;
    return true;
}

/* The number on the line `key number`, or `key ... field number` where the line has fields. */
static bool parse_keyed_counter(const char *text, const char *key, const char *field, int64_t unit,
                                int64_t *ret_value)
{
    size_t len = strlen(key);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) != 0 || line[len] != ' ')
            continue;
        const char *at = field ? strstr(line, field) : line + len + 1;
        if (!at || at > line + strcspn(line, "\n"))
            return false;
        return parse_counter(at + (field ? strlen(field) : 0), unit, ret_value);
    }
    return false;
}

bool cgroup_parse(uint32_t version, enum cgroup_counter which, const char *text, int64_t *ret_value)
{
    const struct cgroup_place *p = &counter_places[version - 1][which];
    int64_t value = 0, more = 0;

    if (!p->path)
        return false; /* this version has no such counter */
    bool there = p->key ? parse_keyed_counter(text, p->key, p->field, p->unit, &value)
                        : parse_counter(text, p->unit, &value);

    if (there && p->add)
        there = parse_keyed_counter(text, p->add, NULL, p->unit, &more);
    if (!there && (!p->optional || !p->key || p->field))
        return false;
    if (__builtin_add_overflow(value, more, &value))
        return false;
    *ret_value = there ? value : 0;
    return true;
}

bool cgroup_has(const struct cgroup *g, enum cgroup_counter which) { return g->fd[which] >= 0; }

int cgroup_read(const struct cgroup *g, enum cgroup_counter which, int64_t *ret_value,
                struct fault *f)
{
    const struct cgroup_place *p = &counter_places[g->version - 1][which];
    char text[8192];

    if (g->fd[which] < 0) {
        *ret_value = 0;
        return 0;
    }
    ssize_t n = pread(g->fd[which], text, sizeof text - 1, 0);
    if (n < 0)
        return fault_errno(f, "read %s", p->path);
    text[n] = '\0';
    if (!cgroup_parse(g->version, which, text, ret_value))
        return fault_set(f, "%s: no number for %s", p->path, p->key ? p->key : "usage");
    return 0;
}

int cgroup_open(const char *root, struct cgroup *ret_group, struct fault *f)
{
    struct cgroup g = { .version = 1 };
    char path[256] = "";
    int64_t value;

    (void)snprintf(path, sizeof path, "%s/cgroup.controllers", root);
    if (access(path, F_OK) == 0)
        g.version = 2;
    for (int i = 0; i < CGROUP_COUNTERS; i++) {
        const struct cgroup_place *p = &counter_places[g.version - 1][i];
        int n = snprintf(path, sizeof path, "%s/%s", root, p->path ? p->path : "");

        if (n < 0 || (size_t)n >= sizeof path)
            return fault_set(f, "cgroup path too long");
        g.fd[i] = p->path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (g.fd[i] < 0 && p->path && !p->optional)
            return fault_errno(f, "open %s", path);
        if (cgroup_read(&g, (enum cgroup_counter)i, &value, f) == 0)
            continue;
        if (!p->optional)
            return -1;
        closep(&g.fd[i]); /* a kernel without this counter, or where it is switched off */
    }
    *ret_group = g;
    return 0;
}

int cgroup_oom_read(const struct cgroup *g, struct cgroup_oom *ret_oom, struct fault *f)
{
    struct cgroup_oom o;
    int64_t swap_hits;

    if (cgroup_read(g, CGROUP_OOM_KILLS, &o.kills, f) < 0 ||
        cgroup_read(g, CGROUP_HITS, &o.hits, f) < 0 ||
        cgroup_read(g, CGROUP_SWAP_HITS, &swap_hits, f) < 0 ||
        cgroup_read(g, CGROUP_PEAK, &o.peak, f) < 0 ||
        cgroup_read(g, CGROUP_LIMIT, &o.limit, f) < 0)
        return -1;
    o.hits += swap_hits;
    *ret_oom = o;
    return 0;
}

/* Version 1 of some kernels (6.18) counts no hits at all: there the peak decides. */
bool cgroup_oom_own(uint32_t version, const struct cgroup_oom *before, const struct cgroup_oom *now)
{
    if (now->hits > before->hits)
        return true;
    return version == 1 && now->hits == 0 && now->peak >= now->limit - PEAK_SLACK;
}
