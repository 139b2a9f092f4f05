/* schema/store/sqlite/sqlite_store.h - a table in DATA_DIR/scrc.db, which no other process uses:
 * WAL, synchronous=FULL. The queue's order and all counts are in memory too.
 *
 * Room     schema/store/sqlite: what only a table in a file has.
 * Threads  as struct jobs_backend says.
 */
#pragma once

struct jobs_backend;

extern const struct jobs_backend sqlite_store_backend;
