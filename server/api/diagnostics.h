/* server/api/diagnostics.h - what stands in the way of good judging, and how to mend it: the host's
 * findings (`scrc --check`) and this server's own, looked for anew when they are old.
 *
 * Room     server/api.
 * Owns     the last ones.
 * Threads  any; diagnostics_collect() takes seconds when Docker or a broker is slow.
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
struct diagnostics *diagnostics_free(struct diagnostics *f);

/* [{name, state, says, means, mend}], at most 15 s old, and when they were found (wall clock). New
 * reference; NULL out of memory. engine: borrowed, NULL: it cannot be asked. */
json_t *diagnostics_collect(struct diagnostics *f, const struct server *s, struct engine *engine,
                            int64_t *ret_ms);
