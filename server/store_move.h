/* server/store_move.h - scrc --move: from a table in DATA_DIR to a database that servers share, or
 * back.
 *
 * Room     server.
 * Threads  the main thread, before any other.
 * Errors   0, or -1 with *e filled; ERR_SETTING for what the caller can mend. Logs how far it is.
 */
#pragma once

#include <stdio.h>

#include "schema/base/base.h"

struct config;
struct err;

/* Prints one line with what was moved. */
NODISCARD int store_move(const struct config *c, const char *source, const char *target, FILE *out,
                         struct err *e);
