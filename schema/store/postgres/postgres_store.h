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

struct jobs_backend;

extern const struct jobs_backend postgres_store_backend;
