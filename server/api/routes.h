/* server/api/routes.h - the route table. openapi.yaml describes the same routes; a test compares.
 *
 * Room     server/api: the route table and the handlers. May know all rooms.
 * Threads  any; static tables.
 */
#pragma once

#include <stddef.h>

#include "server/http/route.h"

extern const struct route routes_table[];
extern const size_t routes_len;
