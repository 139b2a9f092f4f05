/* The tools that tests with a database stand on: a database of a test's own, a server that ends and
 * comes again. Asked with psql, which shares no code with ours. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/base.h"
#include "tests/support/assert_err.h"
#include "tests/support/cut_proxy.h"
#include "tests/support/postgres.h"

/* True when psql could do it; out has the first line of what it says. */
static bool ask(const char *url, const char *sql, char out[64])
{
    char command[1024];
    (void)snprintf(command, sizeof command, "timeout 10 psql -X -q -At -d '%s' -c \"%s\" 2>&1", url,
                   sql);
    FILE *f = popen(command, "re");
    assert_non_null(f);
    out[0] = '\0';
    if (fgets(out, 64, f))
        out[strcspn(out, "\n")] = '\0';
    while (fgetc(f) != EOF)
        ;
    return pclose(f) == 0;
}

static void do_it(const char *url, const char *sql)
{
    char said[64];
    if (!ask(url, sql, said))
        fail_msg("%s: %s", sql, said);
}

static void assert_says(const char *url, const char *sql, const char *expected)
{
    char said[64];
    if (!ask(url, sql, said))
        fail_msg("%s: %s", sql, said);
    assert_string_equal(said, expected);
}

static void databases_are_apart(void **state)
{
    (void)state;
    const char *a = postgres_url(), *b = postgres_url();
    char said[64];

    do_it(a, "CREATE TABLE only_here (n int)");
    assert_says(a, "SELECT count(*) FROM only_here", "0");
    assert_false(ask(b, "SELECT count(*) FROM only_here", said));
    assert_says(b, "SHOW server_encoding", "UTF8");
    postgres_drop(b);
    postgres_drop(a);
}

static void a_database_of_another_language(void **state)
{
    (void)state;
    const char *url = postgres_url_with(POSTGRES_TURKISH);

    assert_says(url, "SHOW server_encoding", "UTF8");
    assert_says(url, "SELECT upper('i') = 'I', 'a' < 'B'", "f|t");
    postgres_drop(url);
}

static void a_server_comes_again_with_what_was_committed(void **state)
{
    static void (*const ends[])(void) = { postgres_stop_hard, postgres_kill };
    const char *url = postgres_own_url();
    char said[64];

    (void)state;
    do_it(url, "CREATE TABLE kept AS SELECT 7 AS n");
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        ends[i]();
        assert_false(ask(url, "SELECT 1", said));
        postgres_start_again();
        assert_says(url, "SELECT n FROM kept", "7");
    }
    postgres_own_end();
}

static void a_server_with_a_password_and_tls(void **state)
{
    (void)state;
    postgres_own_start("tls");
    assert_says(postgres_own_url(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
                "t");
    postgres_own_end();
}

static void a_commit_without_an_answer(void **state)
{
    struct servant proxy = { 0 };
    const char *url = postgres_url();
    char said[64];

    (void)state;
    do_it(url, "CREATE TABLE kept (n int)");
    cut_proxy_open(&proxy, url);
    servant_tell(&proxy, "cut answer 1");
    assert_false(ask(proxy.ready, "BEGIN; INSERT INTO kept VALUES (7); COMMIT", said));
    servant_tell(&proxy, "wait");
    assert_says(url, "SELECT n FROM kept", "7");
    servant_close(&proxy);
    postgres_drop(url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(databases_are_apart),
        cmocka_unit_test(a_database_of_another_language),
        cmocka_unit_test(a_server_comes_again_with_what_was_committed),
        cmocka_unit_test(a_server_with_a_password_and_tls),
        cmocka_unit_test(a_commit_without_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
