/* server/store_open.h - opens the job table: in DATA_DIR, or the one of all servers in STORE.
 *
 * Room     server.
 * Threads  the main thread.
 * Errors   0, or -1 with *e filled. Logs what an operator should know about the directory.
 */
#pragma once

#include "schema/base/base.h"

struct err;
struct jobs;
struct jobs_config;

/* c->dir is DATA_DIR, c->url STORE. While the database does not answer it waits, and logs that
 * every 30 s; a signal ends the process then (lifecycle.h). The caller owns *ret_jobs. Errors as
 * jobs_open(), but for those that it waits for. */
NODISCARD int store_open(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e);
