/* The next version's schema: with it server/main.c is that version, for tests of an upgrade. */
#include "schema/store/postgres/postgres_migrations.h"

#include "schema/base/base.h"

extern const char postgres_sql_001[], postgres_sql_002[], next_sql[];

static const char *const sql[] = { postgres_sql_001, postgres_sql_002, next_sql };
static const struct postgres_index indexes[] = { { "job_next_note", "job(next_note, seq)" } };

const struct postgres_migrations postgres_migrations = {
    .sql = sql,
    .newest = ARRAY_LEN(sql),
    .oldest = 1,
    .indexes = indexes,
    .indexes_len = ARRAY_LEN(indexes),
};
