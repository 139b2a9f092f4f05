/* engine/docker/docker_pull.h - fetches an image from its registry.
 *
 * Room     engine/docker; a part of the Docker client.
 * Owns     nothing.
 * Threads  as the handle: one at a time.
 * Errors   ERR_IMAGE: the registry has no such image or cannot be reached. ERR_CANCELLED: progress
 *          returned false, or docker_until(). Others as docker.h.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"

struct docker;
struct err;

/* Called with each layer's state as text; returning false ends the pull. */
typedef bool docker_progress_fn(void *ctx, const char *line);

/* Pulls ref ("name[:tag][@digest]"; without either the tag is "latest"). progress may be NULL. */
NODISCARD int docker_pull(struct docker *d, const char *ref, docker_progress_fn *progress,
                          void *ctx, struct err *e);
