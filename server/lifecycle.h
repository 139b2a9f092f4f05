/* server/lifecycle.h - what ends the process: signals, or a feed that has no more.
 *
 * The first SIGTERM or SIGINT ends the server in order. Those of the next second are the same wish,
 * told by a terminal and whoever watches it; one that comes later ends it at once with EXIT_FAULT
 * (what was accepted is safe in the table, and the next start gives back what was running). SIGHUP
 * ends nothing: it would read settings anew, and ours are the environment of the start.
 *
 * Room     server.
 * Threads  any, but lifecycle_block_signals() before the first one is made.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;

enum exit_code { EXIT_CLEAN, EXIT_FAULT, EXIT_SETTING, EXIT_UNFIT };

/* For this thread, and all that it makes. */
void lifecycle_block_signals(void);

/* Starts the thread that hears the signals. Until lifecycle_serving() the first one ends the
 * process with EXIT_CLEAN. 0, or -1 with *e filled. */
NODISCARD int lifecycle_watch(struct err *e);

/* From here on the end is an orderly one. */
void lifecycle_serving(void);

/* The feed has no more for us: end when all is judged and told. ctx is not used. */
void lifecycle_input_ended(void *ctx);

/* True when a signal came, false after lifecycle_input_ended(). */
bool lifecycle_wait(void);

/* Waits for a signal, but not longer than ns. True when it came. */
bool lifecycle_wait_ns(int64_t ns);
