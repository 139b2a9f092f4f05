#include "schema/store/postgres/postgres_migrations.h"

#include "schema/base/base.h"

extern const char postgres_sql_001[], postgres_sql_002[];

/* Never change what a released one does; add the next. */
static const char *const sql[] = { postgres_sql_001, postgres_sql_002 };

const struct postgres_migrations postgres_migrations = {
    .sql = sql,
    .newest = ARRAY_LEN(sql),
    .oldest = 1,
};
