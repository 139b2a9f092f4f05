/* schema/store/postgres/postgres_store.h - a table in a PostgreSQL database, which any number of
 * servers share. READ COMMITTED: what an operation decides is in its WHERE or under FOR UPDATE.
 *
 *     connections of one server: writer, tail, lease, JOBS_READERS
 *
 * Room     schema/store/postgres: what only a shared table has.
 * Owns     struct jobs.postgres.
 * Threads  as struct jobs_backend says.
 */
#pragma once

struct jobs;
struct jobs_backend;

/* Nothing more is stored or claimed, and the table says why. Once, on any thread; why is borrowed
 * for the call. */
void postgres_store_end(struct jobs *j, const char *why);
/* All servers read the change feed at once. On any thread; nothing before the table is open. */
void postgres_store_ring(struct jobs *j);

extern const struct jobs_backend postgres_store_backend;
