#include "server/store_check.h"

#include <stdlib.h>

#include "schema/store/postgres/postgres_check.h"
#include "server/config.h"

#define CLOCK_APART_MS 2000
#define COMMIT_LONG_US 50000

typedef const struct postgres_check *facts;

static bool only_reads(facts c) { return c->read_only; }

static bool refuses(facts c) { return c->failed.kind == ERR_SETTING; }

static bool waits_for_standby(facts c) { return c->failed.kind == ERR_TIMEOUT && c->has_standbys; }

static bool is_away(facts c)
{
    return c->failed.kind != ERR_NONE && c->failed.kind != ERR_SETTING && !c->read_only &&
           !waits_for_standby(c);
}

static bool answers(facts c) { return c->failed.kind == ERR_NONE; }
static bool is_pooled(facts c) { return c->pooled; }
static bool is_too_new(facts c) { return c->too_new; }
static bool has_another_encoding(facts c) { return answers(c) && !c->is_utf8; }
static bool cannot_make_tables(facts c) { return answers(c) && !c->may_create && !c->schema; }
static bool cannot_migrate(facts c) { return answers(c) && !c->may_create && c->schema; }
static bool cannot_work(facts c) { return answers(c) && !c->may_work; }
static bool has_no_fsync(facts c) { return answers(c) && !c->fsync; }
static bool has_torn_pages(facts c) { return answers(c) && !c->full_page_writes; }
static bool has_late_commits(facts c) { return answers(c) && !c->synchronous_commit; }
static bool has_no_standby(facts c) { return answers(c) && !c->has_standbys; }
static bool commits_slowly(facts c) { return c->commit_us > COMMIT_LONG_US; }

static bool has_another_clock(facts c) { return answers(c) && llabs(c->ahead_ms) > CLOCK_APART_MS; }

static bool is_crowded(facts c)
{
    return answers(c) && c->max_connections - c->connections < POSTGRES_CHECK_CONNECTIONS;
}

/* What a rule says of itself has no figures, except these. */
static void describe_failure(facts c, struct host_diagnostic *d)
{
    host_diagnostic_add(d, d->level, "%.190s", c->failed.msg);
}

static void describe_schema(facts c, struct host_diagnostic *d)
{
    host_diagnostic_add(d, d->level, "a newer scrc has made its tables (schema %lld)",
                        (long long)c->schema);
}

static void describe_commit(facts c, struct host_diagnostic *d)
{
    host_diagnostic_add(d, d->level, "a commit takes %lld ms", (long long)c->commit_us / 1000);
}

static void describe_clock(facts c, struct host_diagnostic *d)
{
    host_diagnostic_add(d, d->level, "its clock is %lld ms %s this host's", llabs(c->ahead_ms),
                        c->ahead_ms > 0 ? "ahead of" : "behind");
}

static void describe_connections(facts c, struct host_diagnostic *d)
{
    host_diagnostic_add(d, d->level, "%lld of %lld connections are in use",
                        (long long)c->connections, (long long)c->max_connections);
}

static const struct store_rule {
    bool (*applies)(facts c);
    enum host_level level;
    const char *message; /* NULL: describe() */
    void (*describe)(facts c, struct host_diagnostic *d);
    const char *impact, *remedy; /* of HOST_OK: none, it is a note */
} store_rules[] = {
    { only_reads, HOST_UNFIT,
      "it only reads: a replica, or a primary whose place another one has taken", NULL,
      "nothing is accepted or judged; a server waits for one that writes",
      "name all its servers, postgres://USER@A,B/DATABASE: the one that writes is found" },
    { refuses, HOST_UNFIT, NULL, describe_failure, "a server does not start",
      "mend what it names: user and password (PGPASSFILE is read), database, rights, pg_hba.conf" },
    { waits_for_standby, HOST_UNFIT,
      "a commit does not end: no standby of synchronous_standby_names acknowledges it", NULL,
      "nothing is accepted or judged until one does",
      "start a standby that it names, or name more: ANY 1 (a, b)" },
    { is_away, HOST_UNFIT, NULL, describe_failure,
      "nothing is accepted or judged; a server waits until it answers",
      "see that PostgreSQL runs at the address of STORE, is reached from here and takes "
      "connections" },
    { is_pooled, HOST_UNFIT, "a pooler in between gives each transaction another session", NULL,
      "locks, notifications and prepared statements are lost, and with them submissions",
      "pool_mode = session in pgbouncer, or the address of PostgreSQL itself" },
    { is_too_new, HOST_UNFIT, NULL, describe_schema, "a server does not start",
      "start that version of scrc; an older one cannot work on these tables" },
    { has_another_encoding, HOST_UNFIT, "its encoding is not UTF8", NULL, "a server does not start",
      "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0" },
    { cannot_make_tables, HOST_UNFIT, "the user of STORE may not make tables there", NULL,
      "a server does not start: it makes its tables at the first start",
      "ALTER DATABASE ... OWNER TO the user, or GRANT CREATE ON SCHEMA public TO it" },
    { cannot_migrate, HOST_WARNING, "the user of STORE may not make tables there", NULL,
      "a later version of scrc that needs another schema does not start",
      "GRANT CREATE ON SCHEMA public TO the user" },
    { cannot_work, HOST_UNFIT, "the user of STORE may not read and write the tables", NULL,
      "a server does not start",
      "take the user that made them, or ALTER TABLE ... OWNER TO this one" },
    { has_no_fsync, HOST_WARNING, "fsync is off", NULL,
      "what was accepted, or all of it, is lost when the database's machine stops",
      "fsync = on in postgresql.conf, and pg_reload_conf()" },
    { has_torn_pages, HOST_WARNING, "full_page_writes is off", NULL,
      "the tables may be damaged when the database's machine stops",
      "full_page_writes = on in postgresql.conf, and pg_reload_conf()" },
    { is_crowded, HOST_WARNING, NULL, describe_connections,
      "one more server, which needs 8, may find none and wait",
      "raise max_connections, or end what else uses them" },
    { has_another_clock, HOST_WARNING, NULL, describe_clock,
      "times in lists are those of the server that wrote them and do not agree; no lease does",
      "set both by NTP" },
    { commits_slowly, HOST_WARNING, NULL, describe_commit,
      "every POST waits for one, and all servers together commit one group at a time",
      "a faster disk for pg_wal, or a nearer replica" },
    { has_late_commits, HOST_OK,
      "synchronous_commit is off; servers set it to on for their own connections", NULL, NULL,
      NULL },
    { has_no_standby, HOST_OK,
      "synchronous_standby_names is empty: a failover to a replica may lose what was accepted last",
      NULL, NULL, NULL },
};

static void describe_database(facts c, struct host_diagnostic *d)
{
    char commit[40] = "", schema[30] = "no tables yet";

    if (c->commit_us >= 0)
        (void)snprintf(commit, sizeof commit, "; a commit takes %.1f ms",
                       (double)c->commit_us / 1000);
    if (c->schema)
        (void)snprintf(schema, sizeof schema, "schema %lld", (long long)c->schema);
    host_diagnostic_add(d, HOST_OK, "PostgreSQL %lld.%lld, %s; %lld of %lld connections in use%s",
                        (long long)c->version / 10000, (long long)c->version % 10000, schema,
                        (long long)c->connections, (long long)c->max_connections, commit);
}

size_t store_check_rate(const struct postgres_check *c, struct host_diagnostic out[STORE_CHECK_MAX])
{
    size_t n = 0;

    if (answers(c)) {
        out[n] = (struct host_diagnostic){ .name = "store" };
        describe_database(c, &out[n++]);
    }
    for (size_t i = 0; i < ARRAY_LEN(store_rules); i++) {
        const struct store_rule *r = &store_rules[i];
        if (!r->applies(c))
            continue;
        struct host_diagnostic *d = &out[n++];
        *d = (struct host_diagnostic){ .name = "store", .level = r->level };
        if (r->message)
            host_diagnostic_add(d, r->level, "%s", r->message);
        else
            r->describe(c, d);
        if (r->impact)
            host_diagnostic_advise(d, r->impact, r->remedy);
    }
    return n;
}

size_t store_check_run(const struct config *c, bool measure,
                       struct host_diagnostic out[STORE_CHECK_MAX])
{
    struct postgres_check found;

    if (!c->store)
        return 0;
    postgres_check(c->store, measure, &found);
    return store_check_rate(&found, out);
}
