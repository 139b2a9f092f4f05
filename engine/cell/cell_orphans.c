#include "engine/cell/cell_orphans.h"

#include <string.h>

#include "engine/cell/cell_dir.h"
#include "engine/cell/cell_types.h"
#include "engine/docker/docker.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

#define STOPPED_S 60 /* younger ones may be about to start, or about to be removed */

static const char *label_of(json_t *container, const char *label)
{
    const char *value =
        json_string_value(json_object_get(json_object_get(container, "Labels"), label));
    return value ? value : "";
}

static bool is_of_earlier_instance(json_t *container, const struct cell_host *host)
{
    return strcmp(label_of(container, "scrc.table"), host->table) == 0 &&
           strcmp(label_of(container, "scrc.instance"), host->instance) != 0;
}

static bool is_container_stopped(json_t *container)
{
    const char *state = json_string_value(json_object_get(container, "State"));

    return state && strcmp(state, "running") != 0 && strcmp(state, "paused") != 0;
}

/* Docker's clock, by which it says when a container was created; ours may be another machine's. 0:
 * it does not say. */
static int64_t ask_docker_clock(struct docker *d)
{
    json_auto_t *info = NULL;
    struct err ignored;
    int64_t ms;

    if (docker_info(d, &info, &ignored) < 0)
        return 0;
    const char *said = json_string_value(json_object_get(info, "SystemTime"));
    return said && clock_parse(said, &ms) == 0 ? ms / 1000 : 0;
}

/* True for a container of an earlier instance with this job table, and for a stopped one of any
 * server. *now_s: Docker's clock; 0: it is not known yet, and without it a stopped one is left. */
static bool is_orphan(struct docker *d, json_t *container, const struct cell_host *host,
                      int64_t *now_s)
{
    if (is_of_earlier_instance(container, host))
        return true;
    if (!is_container_stopped(container))
        return false;
    if (*now_s == 0)
        *now_s = ask_docker_clock(d);
    return *now_s - json_integer_value(json_object_get(container, "Created")) > STOPPED_S;
}

int cell_orphans_remove(struct docker *d, const struct cell_host *host, struct err *e)
{
    json_auto_t *list = NULL;
    struct err failure;
    int64_t now_s = 0;
    int removed = 0;

    if (docker_list(d, "scrc.instance", &list, e) < 0)
        return err_wrap(e, "sweep");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *container = json_array_get(list, i);
        const char *id = json_string_value(json_object_get(container, "Id"));
        if (!id || !is_orphan(d, container, host, &now_s))
            continue;
        if (docker_remove(d, id, &failure) == 0) {
            cell_dir_remove(host->dir, label_of(container, "scrc.create"));
            removed++;
        } else if (failure.kind != ERR_DOCKER && failure.kind != ERR_TIMEOUT) {
            /* a container that cannot be removed does not keep us from the others */
            return err_set(e, failure.kind, "sweep: %.380s", failure.msg);
        }
    }
    cell_dir_sweep(host->dir, host->table, host->instance);
    return removed;
}
