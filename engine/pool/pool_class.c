#include "engine/pool/pool_class.h"

#include <stdlib.h>
#include <string.h>

#include "engine/cell/cell.h"
#include "schema/base/clock.h"

#define BACKOFF_NS   (250 * NS_PER_MS)
#define FAILURES_MAX 8 /* from here on the back-off does not double any more */

static bool equal_or_both_null(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool equal_lists(const char *const *a, const char *const *b)
{
    if (!a || !b)
        return a == b;
    size_t i = 0;
    while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
        i++;
    return a[i] == b[i]; /* both at their end */
}

bool pool_class_suits(const struct pool_class *cls, const struct cell_spec *spec)
{
    const struct cell_spec *own = &cls->spec;

    return equal_or_both_null(own->image, spec->image) &&
           equal_or_both_null(own->workdir, spec->workdir) && own->pids == spec->pids &&
           own->tmpfs_bytes == spec->tmpfs_bytes && own->tmpfs_inodes == spec->tmpfs_inodes &&
           own->nano_cpus == spec->nano_cpus && equal_or_both_null(own->volume, spec->volume) &&
           equal_or_both_null(own->volume_target, spec->volume_target) &&
           own->volume_writable == spec->volume_writable &&
           equal_lists(own->resident_argv, spec->resident_argv) &&
           equal_lists(own->resident_env, spec->resident_env);
}

struct pool_class *pool_class_free(struct pool_class *cls)
{
    if (!cls)
        return NULL;
    (void)pthread_cond_destroy(&cls->ready);
    free((void *)(uintptr_t)cls->spec.image);
    free((void *)(uintptr_t)cls->spec.workdir);
    free((void *)(uintptr_t)cls->spec.volume);
    free((void *)(uintptr_t)cls->spec.volume_target);
    free((void *)(uintptr_t)cls->spec.resident_argv);
    free((void *)(uintptr_t)cls->spec.resident_env);
    free(cls->idle);
    free(cls);
    return NULL;
}

/* False when memory was short. A copy of NULL is NULL. */
static bool copy_text(const char *text, const char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return *ret_copy || !text;
}

/* The same for a NULL-terminated list; one free() releases the copy. */
static bool copy_list(const char *const *list, const char *const **ret_copy)
{
    size_t n = 0, bytes = 0;

    *ret_copy = NULL;
    if (!list)
        return true;
    for (; list[n]; n++)
        bytes += strlen(list[n]) + 1;
    const char **copy = malloc((n + 1) * sizeof *copy + bytes);
    if (!copy)
        return false;
    char *at = (char *)(copy + n + 1);
    for (size_t i = 0; i < n; i++) {
        copy[i] = at;
        at = stpcpy(at, list[i]) + 1;
    }
    copy[n] = NULL;
    *ret_copy = copy;
    return true;
}

struct pool_class *pool_class_new(const struct cell_spec *spec, int64_t idle_max)
{
    struct pool_class *cls = calloc(1, sizeof *cls);
    if (!cls)
        return NULL;
    clock_cond_init(&cls->ready);
    cls->spec = *spec;
    cls->idle = calloc((size_t)idle_max, sizeof *cls->idle);
    cls->idle_max = idle_max;
    bool whole = copy_text(spec->image, &cls->spec.image);
    whole = copy_text(spec->workdir, &cls->spec.workdir) && whole;
    whole = copy_text(spec->volume, &cls->spec.volume) && whole;
    whole = copy_text(spec->volume_target, &cls->spec.volume_target) && whole;
    whole = copy_list(spec->resident_argv, &cls->spec.resident_argv) && whole;
    whole = copy_list(spec->resident_env, &cls->spec.resident_env) && whole;
    cls->quiet_since_ns = clock_mono_ns();
    return whole && cls->idle ? cls : pool_class_free(cls);
}

bool pool_class_push(struct pool_class *cls, struct cell *c, int uses)
{
    if (cls->idle_len == cls->idle_max)
        return false;
    cls->idle[cls->idle_len++] =
        (struct pool_class_slot){ .cell = c, .uses = uses, .since_ns = clock_mono_ns() };
    (void)pthread_cond_signal(&cls->ready);
    return true;
}

struct pool_class_slot pool_class_pull(struct pool_class *cls, int64_t i)
{
    struct pool_class_slot slot = cls->idle[i];
    memmove(&cls->idle[i], &cls->idle[i + 1], (size_t)(cls->idle_len - i - 1) * sizeof slot);
    cls->idle_len--;
    return slot;
}

int64_t pool_class_pick(const struct pool_class *cls, int64_t memory_bytes)
{
    for (int64_t i = cls->idle_len - 1; i >= 0; i--)
        if (cell_memory(cls->idle[i].cell) == memory_bytes)
            return i;
    return cls->idle_len - 1; /* the youngest has whatever an older one may lack */
}

int64_t pool_class_lacks(const struct pool_class *cls, int64_t now_ns)
{
    /* Leased cells may run for minutes, so waiting callers do not count on them. */
    int64_t keep = cls->target - cls->returning;
    int64_t want = cls->waiting > keep ? cls->waiting : keep;
    int64_t lack = want - cls->idle_len - cls->making;

    return lack > 0 && now_ns >= cls->retry_at_ns ? lack : 0;
}

void pool_class_back_off(struct pool_class *cls, int64_t now_ns, int64_t most_ns)
{
    int64_t delay = BACKOFF_NS << cls->failures;

    if (cls->failures < FAILURES_MAX)
        cls->failures++;
    cls->retry_at_ns = now_ns + (delay < most_ns ? delay : most_ns);
}
