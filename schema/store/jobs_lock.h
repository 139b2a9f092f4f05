/* schema/store/jobs_lock.h - the directory of a table, made when missing, and its lock: one server,
 * one table. The lock's file says who holds it, and by its time when something was last sent.
 *
 * Room     schema/store, the job table's own.
 * Owns     nothing; the descriptor is the table's.
 * Threads  the one that opens the table.
 * Errors   0, or -1 with *e filled; ERR_SETTING where another server has it.
 */
#pragma once

#include "schema/base/base.h"

struct err;
struct jobs;
struct jobs_config;

/* Waits as c says. */
NODISCARD int jobs_lock_dir(struct jobs *j, const struct jobs_config *c, struct err *e);
