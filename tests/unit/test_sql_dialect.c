/* tests/unit/test_sql_dialect.c - what PostgreSQL is given for a statement in SQLite's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schema/base/err.h"
#include "schema/store/postgres/sql_dialect.h"
#include "tests/support/assert_err.h"

static void statements_are_rewritten(void **state)
{
    static const struct {
        const char *sql, *want;
        int params;
    } cases[] = {
        { "", "", 0 },
        { "SELECT 1", "SELECT 1", 0 },
        { "VALUES(?1, ?2, ?11)", "VALUES($1, $2, $11)", 11 },
        { "a = ?2 AND b > ?2", "a = $2 AND b > $2", 2 },
        { "?64", "$64", 64 },
        { "FROM job INDEXED BY job_ahead WHERE a", "FROM job  WHERE a", 0 },
        { "FROM job INDEXED\n BY job_ahead", "FROM job ", 0 },
        { "FROM job NOT INDEXED WHERE a", "FROM job  WHERE a", 0 },
        { "a IS NOT NULL AND NOT a", "a IS NOT NULL AND NOT a", 0 },
        { "INDEXED, UNINDEXED BY x", "INDEXED, UNINDEXED BY x", 0 },
        { "i.offset >= ?1", "i.\"offset\" >= $1", 1 },
        { "offset", "\"offset\"", 0 },
        { "offset,offset", "\"offset\",\"offset\"", 0 },
        { "origin_offset, offsets, offset_, offset1", "origin_offset, offsets, offset_, offset1",
          0 },
        { "LIMIT 1 OFFSET 2", "LIMIT 1 OFFSET 2", 0 },
        { "'?1 offset' || ?1", "'?1 offset' || $1", 1 },
        { "'it''s ?2' ?1", "'it''s ?2' $1", 1 },
        { "\"offset\" \"a?1\"", "\"offset\" \"a?1\"", 0 },
        { "'open ?1", "'open ?1", 0 },
        { "a /* ?1 offset */ b", "a /* ?1 offset */ b", 0 },
        { "a -- ?1 offset\n?1", "a -- ?1 offset\n$1", 1 },
        { "a - -1 / 2 * 3", "a - -1 / 2 * 3", 0 },
        { "WHERE seq = ?1 /*pg FOR UPDATE */", "WHERE seq = $1 FOR UPDATE ", 1 },
        { "a /*pg AND offset = ?3 */ b", "a AND \"offset\" = $3  b", 3 },
        { "/*pgx*/ /*pg*/", "/*pgx*/ /*pg*/", 0 },
        { "/* open", "/* open", 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(freep) char *text = NULL;
        int params = -1;
        print_message("    case: %s\n", cases[i].sql);
        ASSERT_OK(sql_dialect(cases[i].sql, &text, &params, e));
        assert_string_equal(text, cases[i].want);
        assert_int_equal(params, cases[i].params);
    }
}

static void parameters_have_numbers(void **state)
{
    static const char *const cases[] = { "?", "? ", "?0", "?65", "?a", "?99999999999999999999" };
    char *text;
    int params;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("    case: %s\n", cases[i]);
        ASSERT_ERR(ERR_BUG, sql_dialect(cases[i], &text, &params, e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_are_rewritten),
        cmocka_unit_test(parameters_have_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
