/* server/healthy.h - scrc --healthy: asks the server at HTTP_LISTEN whether it is ready. For health
 * checks of containers, whose image has no HTTP client.
 *
 * Room     server.
 * Threads  the main thread, before any other.
 * Errors   0: it is ready; -1 with *e filled: ERR_UNAVAILABLE, with its reasons or why there is no
 *          answer; ERR_SETTING.
 */
#pragma once

#include <stdio.h>

#include "schema/base/base.h"

struct err;

/* address: HTTP_LISTEN. Prints one line when it is. Takes 10 s at most. */
NODISCARD int healthy_ask(const char *address, FILE *out, struct err *e);
