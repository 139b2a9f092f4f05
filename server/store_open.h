/* server/store_open.h - opens the job table of this server, the one in DATA_DIR.
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

/* c->dir is DATA_DIR. The caller owns *ret_jobs. ERR_UNAVAILABLE: another server holds the table.
 */
NODISCARD int store_open(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e);
