/* engine/host/host_runtime.h - the OCI runtime by which Docker starts containers: is the one of
 * RUNNER_RUNTIME known, and is runc old?
 *
 * Room     engine/host.
 * Threads  any; no state, and no call to Docker: `info` is what GET /info answered.
 */
#pragma once

#include <jansson.h>

#include "engine/host/host_diagnostic.h"
#include "schema/base/base.h"

struct docker;
struct err;

/* ERR_SETTING, with those that there are, when Docker does not know this runtime. NULL is its
 * default and always known. */
NODISCARD int host_runtime_known(json_t *info, const char *runtime, struct err *e);

/* Asks Docker whether cells can be made and limited here. ERR_SETTING as above; ERR_PLATFORM: it
 * cannot limit memory, processes or cores; errors of docker_info(). */
NODISCARD int host_runtime_fits(struct docker *d, const char *runtime, struct err *e);

/* Which runtime cells have. HOST_UNFIT: Docker does not know it. */
void host_runtime_check(struct host_diagnostic *f, json_t *info, const char *runtime);

/* The version of runc, "" when it is not told: ways out of a container were closed in later ones.
 */
void host_runtime_runc(struct host_diagnostic *f, const char *version);
