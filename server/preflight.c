#include "server/preflight.h"

#include "engine/host/host_check.h"
#include "schema/base/base.h"

static const char *const levels[] = {
    [HOST_OK] = "ok", [HOST_WARNING] = "warning", [HOST_UNFIT] = "UNFIT"
};

static void print(const struct host_diagnostic *found, size_t len, size_t count[], FILE *out)
{
    for (size_t i = 0; i < len; i++) {
        const struct host_diagnostic *f = &found[i];
        count[f->level]++;
        (void)fprintf(out, "%-8s %-12s %s\n", levels[f->level], f->name, f->message);
        if (f->level != HOST_OK && f->impact[0])
            (void)fprintf(out, "%-8s %-12s so: %s\n", "", "", f->impact);
        if (f->level != HOST_OK && f->remedy[0])
            (void)fprintf(out, "%-8s %-12s to mend it: %s\n", "", "", f->remedy);
    }
}

bool preflight_print(const struct engine_config *c, const struct language_table *l,
                     const struct host_diagnostic *more, size_t more_len, FILE *out)
{
    struct host_diagnostic found[HOST_DIAGNOSTICS_MAX];
    size_t count[ARRAY_LEN(levels)] = { 0 };

    print(found, host_check(c, l, found), count, out);
    print(more, more_len, count, out);
    (void)fprintf(out, "%zu ok, %zu warnings, %zu unfit\n", count[HOST_OK], count[HOST_WARNING],
                  count[HOST_UNFIT]);
    return count[HOST_UNFIT] == 0;
}
