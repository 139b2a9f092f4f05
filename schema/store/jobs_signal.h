/* schema/store/jobs_signal.h - short texts from one server to the others that share its table. They
 * are not stored, and may be lost or come from somebody else who can use the database: whoever
 * reads one trusts nothing in it.
 *
 * Room     schema/store.
 * Owns     nothing.
 * Threads  any; what was given to jobs_signal_listen() is called on one thread of the table, and
 *          must not block.
 * Errors   none.
 */
#pragma once

#include "schema/base/base.h"

struct jobs;

#define JOBS_SIGNAL_MAX 7000 /* bytes of a text; longer ones are not sent */

/* Sends a text (copied) to all others, later; lost when many wait. Nothing when the table is not
 * shared. */
void jobs_signal(struct jobs *j, const char *text);

/* text: borrowed for the call. One listener; jobs_unlisten() ends it. */
typedef void jobs_signal_fn(void *ctx, const char *text);
void jobs_signal_listen(struct jobs *j, jobs_signal_fn *fn, void *ctx);
