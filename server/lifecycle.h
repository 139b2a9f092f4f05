/* server/lifecycle.h - what ends the process: signals, or the end of the input from Kafka.
 *
 * The first SIGTERM or SIGINT ends the server in order. Further ones in the next second are
 * ignored, because a terminal and a supervisor may send both. A later one ends it at once with
 * EXIT_FAULT: what was accepted is safe in the table, and the next start requeues what was running.
 * SIGHUP is ignored: other programs read their settings again, ours are the environment of the
 * start.
 *
 * Room     server.
 * Threads  any; lifecycle_block_signals() before the first thread is made.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;

enum exit_code { EXIT_CLEAN, EXIT_FAULT, EXIT_SETTING, EXIT_UNFIT };

/* In this thread and all that it makes. Also ignores SIGPIPE in the process. */
void lifecycle_block_signals(void);

/* Starts the thread that waits for signals. Until lifecycle_serving(), the first signal ends the
 * process at once with EXIT_CLEAN. 0, or -1 with *e filled. */
NODISCARD int lifecycle_watch(struct err *e);

/* From now on, the first signal ends the server in order. */
void lifecycle_serving(void);

/* Kafka has no more submissions for this server: it ends when all is judged and published. ctx is
 * not used. */
void lifecycle_input_ended(void *ctx);

/* Waits for a signal (true) or for lifecycle_input_ended() (false). */
bool lifecycle_wait(void);

/* Waits for a signal, at most ns nanoseconds. True when it came. */
bool lifecycle_wait_ns(int64_t ns);
