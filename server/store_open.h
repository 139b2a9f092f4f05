/* server/store_open.h - opens the job table of this server: the one in DATA_DIR, or one in a slot.
 *
 * Room     server.
 * Errors   0, or -1 with *e filled. Logs what an operator should know about the directory.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"

struct err;
struct jobs;
struct jobs_config;

/* c->dir is DATA_DIR; slots: DATA_SLOTS; kafka: rows in an outbox count as unfinished work. The
 * caller owns *ret_jobs. ERR_UNAVAILABLE: another server holds the table. */
NODISCARD int store_open(const struct jobs_config *c, bool slots, bool kafka,
                         struct jobs **ret_jobs, struct err *e);
