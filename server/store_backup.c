#include "server/store_backup.h"

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/store/postgres/db_postgres_url.h"
#include "schema/store/sqlite/sqlite_backup.h"
#include "server/config.h"

/* The table is in a database, whose own tools know how. */
static int refuse_database(const struct config *c, const char *command, struct err *e)
{
    char shown[250];

    db_postgres_url_show(c->store, shown, sizeof shown);
    return err_set(e, ERR_SETTING, "the table is in STORE: %s%s", command, shown);
}

static int end_with(struct err *e, const char *option)
{
    if (e->kind == ERR_CONFLICT)
        e->kind = ERR_SETTING;
    return err_wrap(e, "%s", option);
}

static void print_counts(FILE *out, const struct sqlite_backup_counts *counts, int64_t from_ns)
{
    (void)fprintf(out, " %lld submissions, %lld of which wait, and %lld reports (%.1f MiB, %.1f s)",
                  (long long)counts->submissions, (long long)counts->waiting,
                  (long long)counts->reports, (double)counts->bytes / (double)MIB,
                  (double)(clock_mono_ns() - from_ns) / (double)NS_PER_S);
}

int store_backup(const struct config *c, const char *file, FILE *out, struct err *e)
{
    const int64_t from_ns = clock_mono_ns();
    struct sqlite_backup_counts counts;

    if (c->store)
        (void)refuse_database(c, "pg_dump --format=custom --file=FILE --dbname=", e);
    else if (sqlite_backup_write(c->data_dir, file, &counts, e) == 0) {
        (void)fputs("saved", out);
        print_counts(out, &counts, from_ns);
        (void)fprintf(out, " of %s in %s\n", c->data_dir, file);
        return 0;
    }
    return end_with(e, "--backup");
}

int store_backup_restore(const struct config *c, const char *file, FILE *out, struct err *e)
{
    const int64_t from_ns = clock_mono_ns();
    struct sqlite_backup_counts counts;

    if (c->store)
        (void)refuse_database(c, "pg_restore --clean --if-exists FILE --dbname=", e);
    else if (sqlite_backup_restore(c->data_dir, file, &counts, e) == 0) {
        (void)fputs("restored", out);
        print_counts(out, &counts, from_ns);
        (void)fprintf(out, " of %s in %s\n", file, c->data_dir);
        return 0;
    }
    return end_with(e, "--restore");
}
