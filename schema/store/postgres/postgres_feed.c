#include "schema/store/postgres/postgres_feed.h"

#include "schema/store/db.h"

int postgres_feed_commit(struct db *d, const struct jobs_group *g, struct err *e)
{
    (void)g;
    return db_commit(d, e);
}
