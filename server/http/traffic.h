/* server/http/traffic.h - requests counted: by route and status, and how long each route took.
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

/* Of so many routes. NULL out of memory. */
struct traffic *traffic_open(size_t routes);
/* Takes NULL, returns NULL. */
struct traffic *traffic_free(struct traffic *t);

/* route: its number; as many as there are: none was found. ns < 0: it tells nothing about the route
 * (a stream, a wait). */
void traffic_count(struct traffic *t, size_t route, unsigned status, int64_t ns);

/* ---- reading ---- */

/* The i-th status that is told apart; 0 behind the last, which stands for all others. */
unsigned traffic_status(size_t i);
#define TRAFFIC_STATUSES 24
int64_t traffic_counted(struct traffic *t, size_t route, size_t status);
struct metrics_histogram *traffic_timed(struct traffic *t, size_t route);
