/* schema/db_log.h - what SQLite appends to its write-ahead log, handed to the kernel in one piece.
 *
 * SQLite writes each page of a commit as two calls, 24 bytes and 4096; a group of thirty
 * submissions is forty calls that cost more than its fdatasync. An open log of the writer gathers
 * them until the sync that makes the commit durable, or until anybody looks. Nothing is visible to
 * other connections before that sync, so nobody can tell.
 *
 * Room     schema. Beside db.c the only file that includes sqlite3.h.
 * Owns     one buffer for each open log.
 * Threads  a file belongs to its connection, as in SQLite.
 * Errors   a write that fails is told by the call that hands it on: the sync, at the latest.
 */
#pragma once

/* The name of the VFS that does so, for sqlite3_open_v2(). */
#define DB_LOG_VFS "scrc-log"

/* Makes it known to SQLite. Once, before the first connection. */
void db_log_register(void);
