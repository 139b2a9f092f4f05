#include "engine/pool/pool_class.h"

#include <stdlib.h>
#include <string.h>

#include "engine/cell/cell.h"
#include "schema/base/clock.h"

#define BACKOFF_NS   (250 * NS_PER_MS)
#define FAILURES_MAX 8 /* more of them do not double the back-off again */

static bool same(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

bool pool_class_suits(const struct pool_class *s, const struct cell_spec *spec)
{
    const struct cell_spec *own = &s->spec;

    return same(own->image, spec->image) && same(own->workdir, spec->workdir) &&
           own->pids == spec->pids && own->tmpfs_bytes == spec->tmpfs_bytes &&
           own->tmpfs_inodes == spec->tmpfs_inodes && own->nano_cpus == spec->nano_cpus &&
           same(own->volume, spec->volume) && same(own->volume_target, spec->volume_target) &&
           own->volume_writable == spec->volume_writable;
}

struct pool_class *pool_class_free(struct pool_class *s)
{
    if (!s)
        return NULL;
    (void)pthread_cond_destroy(&s->ready);
    free((void *)(uintptr_t)s->spec.image);
    free((void *)(uintptr_t)s->spec.workdir);
    free((void *)(uintptr_t)s->spec.volume);
    free((void *)(uintptr_t)s->spec.volume_target);
    free(s->idle);
    free(s);
    return NULL;
}

/* False when memory was short; NULL copies to NULL. */
static bool copy(const char *text, const char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return *ret_copy || !text;
}

struct pool_class *pool_class_new(const struct cell_spec *spec, int64_t idle_max)
{
    struct pool_class *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    clock_cond_init(&s->ready);
    s->spec = *spec;
    s->idle = calloc((size_t)idle_max, sizeof *s->idle);
    s->idle_max = idle_max;
    bool whole = copy(spec->image, &s->spec.image);
    whole = copy(spec->workdir, &s->spec.workdir) && whole;
    whole = copy(spec->volume, &s->spec.volume) && whole;
    whole = copy(spec->volume_target, &s->spec.volume_target) && whole;
    s->quiet_since_ns = clock_mono_ns();
    return whole && s->idle ? s : pool_class_free(s);
}

bool pool_class_push(struct pool_class *s, struct cell *c, int uses)
{
    if (s->idle_len == s->idle_max)
        return false;
    s->idle[s->idle_len++] =
        (struct pool_class_slot){ .cell = c, .uses = uses, .since_ns = clock_mono_ns() };
    (void)pthread_cond_signal(&s->ready);
    return true;
}

struct pool_class_slot pool_class_pull(struct pool_class *s, int64_t i)
{
    struct pool_class_slot slot = s->idle[i];
    memmove(&s->idle[i], &s->idle[i + 1], (size_t)(s->idle_len - i - 1) * sizeof slot);
    s->idle_len--;
    return slot;
}

int64_t pool_class_pick(const struct pool_class *s, int64_t memory_bytes)
{
    for (int64_t i = s->idle_len - 1; i >= 0; i--)
        if (cell_memory(s->idle[i].cell) == memory_bytes)
            return i;
    return s->idle_len - 1; /* the youngest: what an old one may lack, it has */
}

int64_t pool_class_lacks(const struct pool_class *s, int64_t now_ns)
{
    /* Who waits is not told to wait for what may run for minutes yet. */
    int64_t keep = s->target - s->returning;
    int64_t want = s->waiting > keep ? s->waiting : keep;
    int64_t lack = want - s->idle_len - s->making;

    return lack > 0 && now_ns >= s->retry_at_ns ? lack : 0;
}

void pool_class_back_off(struct pool_class *s, int64_t now_ns, int64_t most_ns)
{
    int64_t delay = BACKOFF_NS << s->failures;

    if (s->failures < FAILURES_MAX)
        s->failures++;
    s->retry_at_ns = now_ns + (delay < most_ns ? delay : most_ns);
}
