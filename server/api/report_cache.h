/* server/api/report_cache.h - answers that never change, ready to be sent: rendered final reports
 * by id.
 *
 * Room     server/api.
 * Owns     at most its limit of bytes; the longest unused go first.
 * Threads  any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

struct report_cache;
struct MHD_Connection;

/* NULL out of memory. */
struct report_cache *report_cache_open(size_t limit);

/* Copies body, an application/json answer of 200. Does nothing when it is known already, too large
 * or there is no memory. */
void report_cache_put(struct report_cache *c, const char *id, const char *body, size_t len);

/* Queues the answer for id on the connection; false when it is not known. */
bool report_cache_send(struct report_cache *c, const char *id, struct MHD_Connection *connection);

/* Takes NULL, returns NULL. */
struct report_cache *report_cache_free(struct report_cache *c);
