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
#include "server/http/request.h"

struct report_cache;

/* NULL out of memory. */
struct report_cache *report_cache_open(size_t limit);

/* Copies body, JSON that GET /results/{id} returns with 200 and this entity tag. Does nothing when
 * the id is cached already, body is too large or there is no memory. */
void report_cache_put(struct report_cache *c, const char *id, const char *body, size_t len,
                      const char etag[REPLY_TAG_SIZE]);

/* Fills in the reply with the report of r->id. False: not cached. */
bool report_cache_reply(struct report_cache *c, struct request *r);

/* Takes NULL, returns NULL. */
struct report_cache *report_cache_free(struct report_cache *c);
