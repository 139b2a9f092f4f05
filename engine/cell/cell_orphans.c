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

/* True for a container of an earlier instance with this job table, and for a stopped one of any
 * server. */
static bool is_orphan(json_t *container, const struct cell_host *host)
{
    const char *state = json_string_value(json_object_get(container, "State"));
    int64_t age =
        clock_wall_ms() / 1000 - json_integer_value(json_object_get(container, "Created"));

    if (strcmp(label_of(container, "scrc.table"), host->table) == 0 &&
        strcmp(label_of(container, "scrc.instance"), host->instance) != 0)
        return true;
    return state && strcmp(state, "running") != 0 && strcmp(state, "paused") != 0 &&
           age > STOPPED_S;
}

int cell_orphans_remove(struct docker *d, const struct cell_host *host, struct err *e)
{
    json_auto_t *list = NULL;
    struct err failure;
    int removed = 0;

    if (docker_list(d, "scrc.instance", &list, e) < 0)
        return err_wrap(e, "sweep");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *container = json_array_get(list, i);
        const char *id = json_string_value(json_object_get(container, "Id"));
        if (!id || !is_orphan(container, host))
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
