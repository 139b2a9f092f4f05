/* A database that suits and databases that do not: every rule of `scrc --check` as a row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schema/store/postgres/postgres_check.h"
#include "server/config.h"
#include "server/store_check.h"

static const struct postgres_check good = { .version = 150004,
                                            .is_utf8 = true,
                                            .may_create = true,
                                            .may_work = true,
                                            .schema = 3,
                                            .commit_us = 1240,
                                            .connections = 20,
                                            .max_connections = 100,
                                            .fsync = true,
                                            .full_page_writes = true,
                                            .synchronous_commit = true,
                                            .has_standbys = true };

static void all_is_well(void **state)
{
    struct host_diagnostic found[STORE_CHECK_MAX];
    struct postgres_check c = good;

    (void)state;
    assert_int_equal(store_check_rate(&c, found), 1);
    assert_int_equal(found[0].level, HOST_OK);
    assert_string_equal(found[0].message, "PostgreSQL 15.4, schema 3; 20 of 100 connections in use;"
                                          " a commit takes 1.2 ms");
    c.commit_us = -1;
    c.schema = 0;
    assert_int_equal(store_check_rate(&c, found), 1);
    assert_string_equal(found[0].message,
                        "PostgreSQL 15.4, no tables yet; 20 of 100 connections in use");
}

static void fail_as(struct postgres_check *c, enum err_kind kind)
{
    *c = (struct postgres_check){ .commit_us = -1 };
    (void)err_set(&c->failed, kind, "as it says");
}

static void away(struct postgres_check *c) { fail_as(c, ERR_UNAVAILABLE); }
static void late(struct postgres_check *c) { fail_as(c, ERR_TIMEOUT); }
static void refused(struct postgres_check *c) { fail_as(c, ERR_SETTING); }
static void alone(struct postgres_check *c)
{
    fail_as(c, ERR_TIMEOUT);
    c->has_standbys = true;
}
static void replica(struct postgres_check *c)
{
    fail_as(c, ERR_UNAVAILABLE);
    c->read_only = true;
}
static void pooled(struct postgres_check *c) { c->pooled = true; }
static void newer(struct postgres_check *c) { c->too_new = true; }
static void poor_at_first(struct postgres_check *c)
{
    c->may_create = false;
    c->schema = 0;
}
static void poor_later(struct postgres_check *c) { c->may_create = false; }
static void poor(struct postgres_check *c) { c->may_work = false; }
static void no_fsync(struct postgres_check *c) { c->fsync = false; }
static void torn_pages(struct postgres_check *c) { c->full_page_writes = false; }
static void late_commits(struct postgres_check *c) { c->synchronous_commit = false; }
static void no_standbys(struct postgres_check *c) { c->has_standbys = false; }
static void crowded(struct postgres_check *c) { c->connections = 93; }
static void nearly_crowded(struct postgres_check *c) { c->connections = 92; }
static void slow(struct postgres_check *c) { c->commit_us = 61000; }
static void ahead(struct postgres_check *c) { c->ahead_ms = 3600000; }
static void behind(struct postgres_check *c) { c->ahead_ms = -3600000; }
static void nearly(struct postgres_check *c) { c->ahead_ms = -1500; }

/* message: a part of the one finding beside the first; NULL: there is none. */
static const struct row {
    void (*spoil)(struct postgres_check *c);
    enum host_level level;
    const char *message, *remedy;
} rows[] = {
    { away, HOST_UNFIT, "as it says", "see that PostgreSQL runs" },
    { late, HOST_UNFIT, "as it says", "see that PostgreSQL runs" },
    { alone, HOST_UNFIT, "no standby of synchronous_standby_names", "ANY 1 (a, b)" },
    { refused, HOST_UNFIT, "as it says", "user and password" },
    { replica, HOST_UNFIT, "only reads", "postgres://USER@A,B/DATABASE" },
    { pooled, HOST_UNFIT, "pooler", "pool_mode = session" },
    { newer, HOST_UNFIT, "newer scrc has made its tables (schema 3)", "start that version" },
    { poor_at_first, HOST_UNFIT, "may not make tables", "OWNER TO" },
    { poor_later, HOST_WARNING, "may not make tables", "GRANT CREATE" },
    { poor, HOST_UNFIT, "may not read and write", "OWNER TO" },
    { no_fsync, HOST_WARNING, "fsync is off", "fsync = on" },
    { torn_pages, HOST_WARNING, "full_page_writes is off", "full_page_writes = on" },
    { late_commits, HOST_OK, "synchronous_commit is off", "" },
    { no_standbys, HOST_OK, "synchronous_standby_names is empty", "" },
    { crowded, HOST_WARNING, "93 of 100", "max_connections" },
    { nearly_crowded, HOST_OK, NULL, NULL },
    { slow, HOST_WARNING, "61 ms", "pg_wal" },
    { ahead, HOST_WARNING, "3600000 ms ahead of", "NTP" },
    { behind, HOST_WARNING, "3600000 ms behind", "NTP" },
    { nearly, HOST_OK, NULL, NULL },
};

static void each_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct host_diagnostic found[STORE_CHECK_MAX];
        struct postgres_check c = good;

        print_message("row %zu: %s\n", i, rows[i].message ? rows[i].message : "nothing");
        rows[i].spoil(&c);
        size_t len = store_check_rate(&c, found), first = c.failed.kind == ERR_NONE;
        assert_int_equal(len, first + (rows[i].message != NULL));
        if (!rows[i].message)
            continue;
        assert_string_equal(found[first].name, "store");
        assert_int_equal(found[first].level, rows[i].level);
        assert_non_null(strstr(found[first].message, rows[i].message));
        assert_non_null(strstr(found[first].remedy, rows[i].remedy));
        assert_int_equal(found[first].impact[0] == '\0', rows[i].level == HOST_OK);
        assert_true(strlen(found[first].remedy) < sizeof found[first].remedy - 1);
        assert_true(strlen(found[first].impact) < sizeof found[first].impact - 1);
    }
}

/* All that can be wrong at once has its place. */
static void all_is_wrong(void **state)
{
    struct host_diagnostic found[STORE_CHECK_MAX];
    struct postgres_check c = good;

    (void)state;
    for (size_t i = 5; i < ARRAY_LEN(rows) - 1; i++)
        rows[i].spoil(&c);
    crowded(&c);
    assert_int_equal(store_check_rate(&c, found), 12);
}

static void without_a_store(void **state)
{
    struct host_diagnostic found[STORE_CHECK_MAX];
    struct config c = { .store = NULL };

    (void)state;
    assert_int_equal(store_check_run(&c, true, found), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_well),
        cmocka_unit_test(each_rule),
        cmocka_unit_test(all_is_wrong),
        cmocka_unit_test(without_a_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
