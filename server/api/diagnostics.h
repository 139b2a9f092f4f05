/* server/api/diagnostics.h - problems that impair judging, and remedies: the host's diagnostics
 * (`scrc --check`) and this server's own, collected again when they are old.
 *
 * Room     server/api.
 * Owns     the last result.
 * Threads  any; diagnostics_collect() may block for seconds when Docker or a broker is slow.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct engine;
struct diagnostics;
struct server;

/* NULL out of memory. */
struct diagnostics *diagnostics_open(void);
/* Takes NULL, returns NULL. */
struct diagnostics *diagnostics_free(struct diagnostics *d);

/* [{name, state, says, means, mend}], at most 15 s old; *ret_ms: when it was collected (wall
 * clock). New reference; NULL out of memory. engine: borrowed for the call; NULL: no languages. */
json_t *diagnostics_collect(struct diagnostics *d, const struct server *s, struct engine *engine,
                            int64_t *ret_ms);
