/* server/api/routes.h - every route, once. openapi.yaml says the same; a test compares.
 *
 * Room     server/api: the handlers, and the table that says which path is whose.
 *          May know all rooms.
 * Threads  any; static tables.
 */
#pragma once

#include <stddef.h>

#include "server/http/route.h"

extern const struct route routes_table[];
extern const size_t routes_len;
