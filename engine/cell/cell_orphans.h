/* engine/cell/cell_orphans.h - the end of cells that nobody owns any more: their servers were
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

/* Removes every container of this table's earlier instances, and anybody's stopped ones older than
 * 60 s, and their directories. Returns how many containers went, or -1. */
int cell_orphans_remove(struct docker *d, const struct cell_host *host, struct err *e);
