/* engine/cell/cell_config.h - what Docker is asked for when a cell is made, and whether it obeyed.
 *
 * Room     engine/cell.
 * Threads  any.
 */
#pragma once

#include <jansson.h>

#include "schema/base/base.h"

struct cell_host;
struct cell_spec;
struct err;

/* The body of POST /containers/create. image: GET /images/{name}/json of spec->image, so that no
 * VOLUME of it becomes a writable place on the host's disk. Caller owns *ret_body. */
NODISCARD int cell_config_make(const struct cell_spec *spec, const struct cell_host *host,
                               const char *name, json_t *image, json_t **ret_body, struct err *e);

/* Docker ignores a field it does not know without a word. ERR_PLATFORM names the first one of body
 * that the container, as inspected, does not have. */
NODISCARD int cell_config_kept(json_t *body, json_t *container, struct err *e);
