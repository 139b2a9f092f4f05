/* tests/unit/test_hub_remote.c - what a server believes of a text that may come from anybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schema/base/base.h"
#include "server/live/hub_remote.h"

#define GOOD ";12,2,3,40,50,6000,0,-1,11"

static void what_was_written_is_read(void **state)
{
    struct engine_event events[HUB_REMOTE_EVENTS];

    (void)state;
    assert_int_equal(hub_remote_parse("e" GOOD ";9223372036854775,0,0,-1,-1,-1,0,0,0", events), 2);
    assert_int_equal(events[0].seq, 12);
    assert_int_equal(events[0].kind, ENGINE_TESTED);
    assert_int_equal(events[0].number, 3);
    assert_int_equal(events[0].duration_ms, 40);
    assert_int_equal(events[0].cpu_time_ms, 50);
    assert_int_equal(events[0].memory_bytes, 6000);
    assert_int_equal(events[0].exit_code, -1);
    assert_string_equal(events[0].signal, "SIGSEGV");
    assert_int_equal(events[1].kind, ENGINE_BUILDS);
    assert_null(events[1].signal);
}

static void all_else_is_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        "l",
        "e",
        "x" GOOD,
        "e " GOOD,
        "e" GOOD ";",
        "e" GOOD " ",
        "e" GOOD GOOD "x",
        "e;12,2,3,40,50,6000,0,-1",
        "e;12,2,3,40,50,6000,0,-1,11,1",
        "e;0,2,3,40,50,6000,0,-1,11",
        "e;-5,2,3,40,50,6000,0,-1,11",
        "e;12,3,3,40,50,6000,0,-1,11",
        "e;12,2,-3,40,50,6000,0,-1,11",
        "e;12,2,3,-2,50,6000,0,-1,11",
        "e;12,2,3,40,50,6000,1000,-1,11",
        "e;12,2,3,40,50,6000,-1,-1,11",
        "e;12,2,3,40,50,6000,0,9999999999,11",
        "e;12,2,3,40,50,6000,0,-1,65",
        "e;12,2,3,40,50,6000,0,,11",
        "e;12,2,3,40,50,6000,0,-,11",
        "e;12,2,3,40,50,6000,0,--1,11",
        "e;12,2,3,40,50,6000,0,+1,11",
        "e;12,2,3,0x4,50,6000,0,1,11",
        "e;9999999999999999999,2,3,40,50,6000,0,-1,11",
        "e;12;2;3,40,50,6000,0,-1,11",
    };
    struct engine_event events[HUB_REMOTE_EVENTS];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (hub_remote_parse(texts[i], events) != 0)
            fail_msg("%s", texts[i]);
}

static void a_text_has_so_many_events_at_most(void **state)
{
    struct engine_event events[HUB_REMOTE_EVENTS];
    char text[(HUB_REMOTE_EVENTS + 1) * sizeof GOOD + 2] = "e";

    (void)state;
    for (size_t i = 0; i < HUB_REMOTE_EVENTS; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s", GOOD);
    assert_int_equal(hub_remote_parse(text, events), HUB_REMOTE_EVENTS);
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s", GOOD);
    assert_int_equal(hub_remote_parse(text, events), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(all_else_is_nothing),
        cmocka_unit_test(a_text_has_so_many_events_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
