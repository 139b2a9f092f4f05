/* engine/cell/cell_config.h - the configuration of a container, and the check that Docker kept it.
 *
 * Room     engine/cell.
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   ERR_NOMEM; else at each function.
 */
#pragma once

#include <jansson.h>

#include "schema/base/base.h"

struct cell_host;
struct cell_spec;
struct err;

/* Makes the body of POST /containers/create, which the caller owns. image is the answer to GET
 * /images/{name}/json of spec->image; it names the VOLUMEs of the image, which must not become
 * writable places on the host's disk. */
NODISCARD int cell_config_make(const struct cell_spec *spec, const struct cell_host *host,
                               const char *name, json_t *image, json_t **ret_body, struct err *e);

/* Docker silently ignores a field that it does not know. ERR_PLATFORM: the container, as inspected,
 * lacks a field of body, which the message names. */
NODISCARD int cell_config_kept(json_t *body, json_t *container, struct err *e);
