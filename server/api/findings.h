/* server/api/findings.h - what stands in the way of good judging, and how to mend it: the host's
 * findings (`scrc --check`) and this server's own, looked for anew when they are old.
 *
 * Room     server/api.
 * Owns     the last ones.
 * Threads  any; findings_look() takes seconds when Docker or a broker is slow.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct engine;
struct findings;
struct server;

/* NULL out of memory. */
struct findings *findings_open(void);
/* Takes NULL, returns NULL. */
struct findings *findings_free(struct findings *f);

/* [{name, state, says, means, mend}], at most 15 s old, and when they were found (wall clock). New
 * reference; NULL out of memory. engine: borrowed, NULL: it cannot be asked. */
json_t *findings_look(struct findings *f, const struct server *s, struct engine *engine,
                      int64_t *ret_ms);
