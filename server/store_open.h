/* server/store_open.h - the job table this server works on: the one in DATA_DIR, or a slot of it.
 *
 * Room     server.
 * Errors   0, or -1 with *e filled. Logs what an operator should know about the place.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"

struct err;
struct jobs;
struct jobs_config;

/* c->dir is DATA_DIR; slots: DATA_SLOTS; kafka: what waits in an outbox is work too. Caller owns
 * *ret_jobs. ERR_UNAVAILABLE: another server has it. */
NODISCARD int store_open(const struct jobs_config *c, bool slots, bool kafka,
                         struct jobs **ret_jobs, struct err *e);
