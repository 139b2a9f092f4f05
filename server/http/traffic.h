/* server/http/traffic.h - counts requests by route and status, and times them by route.
 *
 * Room     server/http.
 * Threads  any, without locks.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/metrics.h"

struct traffic;

/* routes: how many there are. NULL out of memory. */
struct traffic *traffic_open(size_t routes);
/* Takes NULL, returns NULL. */
struct traffic *traffic_free(struct traffic *t);

/* route: its index; the number of routes when none was found. ns: how long it took; negative when
 * that must not be counted as the route's time (a stream, a wait). */
void traffic_count(struct traffic *t, size_t route, unsigned status, int64_t ns);

/* ---- reading ---- */

/* The i-th status that has a counter of its own; 0 after the last, for all other statuses. */
unsigned traffic_status(size_t i);
#define TRAFFIC_STATUSES 24
/* status: an index as in traffic_status(). */
int64_t traffic_counted(struct traffic *t, size_t route, size_t status);
struct metrics_histogram *traffic_timed(struct traffic *t, size_t route);
