/* engine/cell/cell_orphans.h - the sweep: removes cells that have no owner, for their server was
 * killed.
 *
 * Room     engine/cell.
 * Owns     nothing.
 * Threads  any; blocks on Docker.
 * Errors   those of the Docker calls.
 */
#pragma once

struct cell_host;
struct docker;
struct err;

/* Removes every container of earlier instances with this job table, stopped ones older than 60 s of
 * any server, and their directories. Returns the number of removed containers, or -1. */
int cell_orphans_remove(struct docker *d, const struct cell_host *host, struct err *e);
