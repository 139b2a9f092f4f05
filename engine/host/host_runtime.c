#include "engine/host/host_runtime.h"

#include <stdio.h>
#include <string.h>

#include "engine/docker/docker.h"
#include "engine/host/host_facts.h"
#include "schema/base/err.h"

/* Docker lists runtimes of its configuration. It also takes the name of a shim, which it looks for
 * when a container is made. */
#define SHIM_PREFIX "io.containerd."

static void list_names(json_t *runtimes, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    for (void *i = json_object_iter(runtimes); i && len < size;
         i = json_object_iter_next(runtimes, i)) {
        int n = snprintf(out + len, size - len, "%s%.40s", len > 0 ? ", " : "",
                         json_object_iter_key(i));
        len += n > 0 ? (size_t)n : 0;
    }
}

int host_runtime_known(json_t *info, const char *runtime, struct err *e)
{
    json_t *runtimes = json_object_get(info, "Runtimes");
    char names[200];

    if (!runtime || json_object_get(runtimes, runtime) ||
        strncmp(runtime, SHIM_PREFIX, strlen(SHIM_PREFIX)) == 0)
        return 0;
    list_names(runtimes, names, sizeof names);
    return err_set(e, ERR_SETTING,
                   "RUNNER_RUNTIME=%.60s: Docker has no runtime of that name, only %s", runtime,
                   names[0] ? names : "its default");
}

/* Without these controllers the kernel would not enforce our limits. */
int host_runtime_fits(struct docker *d, const char *runtime, struct err *e)
{
    static const char *const needed[] = { "MemoryLimit", "PidsLimit", "CpuCfsQuota" };
    json_t *found = NULL;

    if (docker_info(d, &found, e) < 0)
        return -1;
    json_auto_t *info = found;
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!json_is_true(json_object_get(info, needed[i])))
            return err_set(e, ERR_PLATFORM, "Docker cannot limit programs here: %s is off",
                           needed[i]);
    return host_runtime_known(info, runtime, e);
}

void host_runtime_check(struct host_diagnostic *f, json_t *info, const char *runtime)
{
    const char *normal = json_string_value(json_object_get(info, "DefaultRuntime"));
    struct err e;

    if (!runtime) {
        host_diagnostic_add(f, HOST_OK, "%.60s, Docker's default", normal ? normal : "not told");
    } else if (host_runtime_known(info, runtime, &e) == 0) {
        host_diagnostic_add(f, HOST_OK, "%.60s, as RUNNER_RUNTIME says", runtime);
    } else {
        host_diagnostic_add(f, HOST_UNFIT, "%.190s", e.msg);
        host_diagnostic_advise(f, "the server does not start",
                               "add it to \"runtimes\" in Docker's daemon.json and restart Docker, "
                               "or unset RUNNER_RUNTIME");
    }
}

void host_runtime_runc(struct host_diagnostic *f, const char *version)
{
    static const struct host_facts_version fixed = { 1, 2, 8 }, next = { 1, 3, 0 },
                                           next_fixed = { 1, 3, 3 };
    struct host_facts_version v = host_facts_version(version);
    bool old = host_facts_compare(v, fixed) < 0 ||
               (host_facts_compare(v, next) >= 0 && host_facts_compare(v, next_fixed) < 0);

    host_diagnostic_add(f, version[0] && old ? HOST_WARNING : HOST_OK, "runc %.60s",
                        version[0] ? version : "not told");
    if (version[0] && old)
        host_diagnostic_advise(
            f, "three ways out of a container were closed in 1.2.8 and 1.3.3",
            "update runc, unless your distribution has put the fixes into its own version");
}
