/* schema/store/postgres/postgres_servers.h - the servers that share a database, for people.
 *
 * Room     schema/store/postgres.
 */
#pragma once

/* jobs_backend.servers_sql. */
extern const char postgres_servers_sql[];
