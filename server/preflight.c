#include "server/preflight.h"

#include "engine/host/host_check.h"
#include "schema/base/base.h"

static const char *const levels[] = {
    [HOST_OK] = "ok", [HOST_WARNING] = "warning", [HOST_UNFIT] = "UNFIT"
};

static void print_diagnostics(const struct host_diagnostic *found, size_t len, size_t count[],
                              FILE *out)
{
    for (size_t i = 0; i < len; i++) {
        const struct host_diagnostic *d = &found[i];
        count[d->level]++;
        (void)fprintf(out, "%-8s %-12s %s\n", levels[d->level], d->name, d->message);
        if (d->level != HOST_OK && d->impact[0])
            (void)fprintf(out, "%-8s %-12s so: %s\n", "", "", d->impact);
        if (d->level != HOST_OK && d->remedy[0])
            (void)fprintf(out, "%-8s %-12s to mend it: %s\n", "", "", d->remedy);
    }
}

bool preflight_print(const struct engine_config *c, const struct language_table *l,
                     const struct host_diagnostic *more, size_t more_len, FILE *out)
{
    struct host_diagnostic found[HOST_DIAGNOSTICS_MAX];
    size_t count[ARRAY_LEN(levels)] = { 0 };

    print_diagnostics(found, host_check(c, l, found), count, out);
    print_diagnostics(more, more_len, count, out);
    (void)fprintf(out, "%zu ok, %zu warnings, %zu unfit\n", count[HOST_OK], count[HOST_WARNING],
                  count[HOST_UNFIT]);
    return count[HOST_UNFIT] == 0;
}
