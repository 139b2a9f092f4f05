/* tests/unit/test_postgres_watch.c - when a server is dead, by the beats that were read. */
#include <stdbool.h>
#include <stdio.h>

#include "schema/store/postgres/postgres_watch.h"
#include "tests/support/assert_err.h"

#define READS_MAX 24

/* The timeout is 10 s, a gap more than 3 s. Reads take no time where nothing else is said. */
struct read {
    int64_t at_s;     /* when it was sent; 0 ends the list */
    int64_t beat;     /* of the server; -1: it is not there */
    int64_t takes_ms; /* until it was answered */
    bool dead;
};

static const struct {
    const char *what;
    struct read reads[READS_MAX];
} cases[] = {
    { "dead after ten seconds of the same beat",
      { { 1, 5, 0, false },
        { 3, 5, 0, false },
        { 5, 5, 0, false },
        { 7, 5, 0, false },
        { 9, 5, 0, false },
        { 10, 5, 0, false },
        { 11, 5, 0, true },
        { 12, 5, 0, true } } },
    { "every beat begins them anew, also a lower one",
      { { 1, 5, 0, false },
        { 4, 5, 0, false },
        { 7, 5, 0, false },
        { 10, 6, 0, false },
        { 13, 6, 0, false },
        { 16, 6, 0, false },
        { 19, 3, 0, false },
        { 22, 3, 0, false },
        { 25, 3, 0, false },
        { 28, 3, 0, false },
        { 29, 3, 0, true } } },
    { "a beat in the last moment",
      { { 1, 5, 0, false },
        { 4, 5, 0, false },
        { 7, 5, 0, false },
        { 10, 5, 0, false },
        { 11, 6, 0, false },
        { 12, 6, 0, false } } },
    { "a gap begins them anew",
      { { 1, 5, 0, false },
        { 4, 5, 0, false },
        { 7, 5, 0, false },
        { 60, 5, 0, false },
        { 61, 5, 0, false },
        { 63, 5, 0, false },
        { 66, 5, 0, false },
        { 69, 5, 0, false },
        { 70, 5, 0, true } } },
    { "gaps again and again: never",
      { { 1, 5, 0, false },
        { 5, 5, 0, false },
        { 9, 5, 0, false },
        { 13, 5, 0, false },
        { 17, 5, 0, false },
        { 21, 5, 0, false } } },
    { "an answer that comes late is a gap, before it and behind it",
      { { 1, 5, 0, false },
        { 4, 5, 0, false },
        { 7, 5, 0, false },
        { 8, 5, 8000, false },
        { 17, 5, 0, false },
        { 20, 5, 0, false },
        { 23, 5, 0, false },
        { 26, 5, 0, false },
        { 27, 5, 0, true } } },
    { "time that we waited for answers does not count",
      { { 1, 5, 900, false },
        { 3, 5, 900, false },
        { 5, 5, 900, false },
        { 7, 5, 900, false },
        { 9, 5, 900, false },
        { 11, 5, 900, false },
        { 12, 5, 0, true } } },
    { "one that was gone is new",
      { { 1, 5, 0, false },
        { 4, 5, 0, false },
        { 7, 5, 0, false },
        { 10, -1, 0, false },
        { 12, 5, 0, false },
        { 15, 5, 0, false },
        { 18, 5, 0, false },
        { 21, 5, 0, false },
        { 22, 5, 0, true } } },
};

static void what_a_read_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct postgres_watch w = { .timeout_ns = 10 * NS_PER_S };
        print_message("    case: %s\n", cases[i].what);
        for (const struct read *r = cases[i].reads; r->at_s; r++) {
            int64_t sent = r->at_s * NS_PER_S;
            postgres_watch_read(&w, sent, sent + r->takes_ms * NS_PER_MS);
            bool dead = r->beat >= 0 && postgres_watch_beat(&w, "one", r->beat);
            postgres_watch_end(&w);
            if (dead != r->dead)
                fail_msg("%s at %lld s", dead ? "dead" : "alive", (long long)r->at_s);
        }
        postgres_watch_clear(&w);
    }
}

/* One that dies does not hide among many that live. */
static void servers_are_told_apart(void **state)
{
    struct postgres_watch w = { .timeout_ns = 10 * NS_PER_S };
    char name[16];

    (void)state;
    for (int64_t s = 1; s <= 12; s++) {
        postgres_watch_read(&w, s * NS_PER_S, s * NS_PER_S);
        for (int i = 0; i < 100; i++) {
            (void)snprintf(name, sizeof name, "server-%d", i);
            bool dead = postgres_watch_beat(&w, name, i == 57 ? 1 : s);
            assert_int_equal(dead, i == 57 && s >= 11);
        }
        postgres_watch_end(&w);
    }
    postgres_watch_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_read_says),
        cmocka_unit_test(servers_are_told_apart),
    };
    return cmocka_run_group_tests_name("postgres_watch", tests, NULL, NULL);
}
