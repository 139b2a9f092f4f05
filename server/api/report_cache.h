/* server/api/report_cache.h - rendered final reports by id, ready to be sent: they never change.
 *
 * Room     server/api.
 * Owns     the reports, of at most `limit` bytes; the longest unused is evicted first.
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

/* Copies body, JSON that GET /results/{id} returns with 200. Does nothing when the id is cached
 * already, body is too large or there is no memory. */
void report_cache_put(struct report_cache *c, const char *id, const char *body, size_t len);

/* Queues the response on the connection. False: not cached, or not queued. */
bool report_cache_send(struct report_cache *c, const char *id, struct MHD_Connection *connection);

/* Takes NULL, returns NULL. */
struct report_cache *report_cache_free(struct report_cache *c);
