#include "engine/agent/cgroup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/agent/fault.h"

/* Where a counter stands: the number behind `key` (alone in its file when NULL), `add`'s number on
 * top, in units of `unit`. */
struct place {
    const char *path, *key, *add;
    int64_t unit;
    bool optional; /* not there: 0 */
};

static const struct place places[2][CGROUP_COUNTERS] = {
    {
        [CGROUP_CPU] = { "cpuacct/cpuacct.usage", NULL, NULL, 1, false },
        [CGROUP_MEMORY] = { "memory/memory.stat", "rss", "shmem", 1, false },
        [CGROUP_OOM_KILLS] = { "memory/memory.oom_control", "oom_kill", NULL, 1, false },
        [CGROUP_THROTTLED] = { "cpu/cpu.stat", "throttled_time", NULL, 1, true },
    },
    {
        [CGROUP_CPU] = { "cpu.stat", "usage_usec", NULL, 1000, false },
        [CGROUP_MEMORY] = { "memory.stat", "anon", "shmem", 1, false },
        [CGROUP_OOM_KILLS] = { "memory.events", "oom_kill", NULL, 1, false },
        [CGROUP_THROTTLED] = { "cpu.stat", "throttled_usec", NULL, 1000, true },
    },
};

static bool number(const char *s, int64_t unit, int64_t *ret_value)
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

/* The number on the line `key number`. */
static bool keyed(const char *text, const char *key, int64_t unit, int64_t *ret_value)
{
    size_t len = strlen(key);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0 && line[len] == ' ')
            return number(line + len + 1, unit, ret_value);
    }
    return false;
}

bool cgroup_parse(uint32_t version, enum cgroup_counter which, const char *text, int64_t *ret_value)
{
    const struct place *p = &places[version - 1][which];
    int64_t value = 0, more = 0;
    bool there = p->key ? keyed(text, p->key, p->unit, &value) : number(text, p->unit, &value);

    if (there && p->add)
        there = keyed(text, p->add, p->unit, &more);
    if (!there && !p->optional)
        return false;
    if (__builtin_add_overflow(value, more, &value))
        return false;
    *ret_value = there ? value : 0;
    return true;
}

int cgroup_read(const struct cgroup *g, enum cgroup_counter which, int64_t *ret_value,
                struct fault *f)
{
    const struct place *p = &places[g->version - 1][which];
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
    char path[256];
    int64_t value;

    (void)snprintf(path, sizeof path, "%s/cgroup.controllers", root);
    if (access(path, F_OK) == 0)
        g.version = 2;
    for (int i = 0; i < CGROUP_COUNTERS; i++) {
        const struct place *p = &places[g.version - 1][i];
        int n = snprintf(path, sizeof path, "%s/%s", root, p->path);

        if (n < 0 || (size_t)n >= sizeof path)
            return fault_set(f, "cgroup path too long");
        g.fd[i] = open(path, O_RDONLY | O_CLOEXEC);
        if (g.fd[i] < 0 && !p->optional)
            return fault_errno(f, "open %s", path);
        if (cgroup_read(&g, (enum cgroup_counter)i, &value, f) < 0)
            return -1;
    }
    *ret_group = g;
    return 0;
}
