#include "engine/cell/cell_orphans.h"

#include <string.h>

#include "engine/cell/cell_dir.h"
#include "engine/cell/cell_types.h"
#include "engine/docker/docker.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

#define STOPPED_S 60 /* younger ones may be on their way up, or on their way out */

static const char *label_of(json_t *container, const char *label)
{
    const char *value =
        json_string_value(json_object_get(json_object_get(container, "Labels"), label));
    return value ? value : "";
}

/* One of an earlier start of this very table, or anybody's that has come to its end. */
static bool nobodys(json_t *container, const struct cell_host *host)
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
    struct err own;
    int gone = 0;

    if (docker_list(d, "scrc.instance", &list, e) < 0)
        return err_wrap(e, "sweep");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *container = json_array_get(list, i);
        const char *id = json_string_value(json_object_get(container, "Id"));
        if (!id || !nobodys(container, host))
            continue;
        if (docker_remove(d, id, &own) == 0) {
            cell_dir_remove(host->dir, label_of(container, "scrc.create"));
            gone++;
        } else if (own.kind != ERR_DOCKER && own.kind != ERR_TIMEOUT) {
            /* one that cannot be removed, or not soon, stops no other */
            return err_set(e, own.kind, "sweep: %.380s", own.msg);
        }
    }
    cell_dir_sweep(host->dir, host->table, host->instance);
    return gone;
}
