#include "schema/store/postgres/postgres_servers.h"

/* The database's clock on both sides: no other one is compared with it. */
const char postgres_servers_sql[] =
    "SELECT s.instance, s.host, s.version, s.slots, s.over,"
    " CAST(extract(epoch FROM clock_timestamp() - s.last_seen) * 1000 AS BIGINT),"
    " (SELECT count(*) FROM job WHERE job.instance = s.instance AND job.claim IS NOT NULL)"
    " FROM server s ORDER BY s.over, s.started_ms, s.instance LIMIT ?1";
