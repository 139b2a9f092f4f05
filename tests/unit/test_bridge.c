/* Messages become rows; the whole bridge: its threads together, its start and its end. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/world.h"

#define GOOD "\"language\":\"c\",\"source\":\"x\""

static struct bridge *begin(struct world *w, const struct bridge_hooks *hooks)
{
    struct bridge *b = NULL;
    struct err e;

    if (bridge_open(&w->config, w->table->j, hooks, &b, &e) < 0)
        fail_msg("%s", e.msg);
    if (bridge_start(b, &e) < 0)
        fail_msg("%s", e.msg);
    return b;
}

static void end(struct world *w, struct bridge *b)
{
    bridge_stop(b, clock_mono_ns() + 20 * NS_PER_S);
    w->table->j = jobs_close(w->table->j);
    (void)bridge_free(b);
    job_table_open(w->table);
}

static int64_t counter(struct bridge *b, enum bridge_counter c)
{
    struct bridge_health h;

    bridge_health(b, &h);
    return h.counters[c];
}

static int64_t rows(struct world *w)
{
    struct jobs_counts c;

    jobs_counts(w->table->j, &c);
    return c.queued + c.running + c.final;
}

static void write_submissions(struct world *w, int from, int to)
{
    char value[200], id[20];

    for (int i = from; i < to; i++) {
        (void)snprintf(id, sizeof id, "n%d", i);
        (void)snprintf(value, sizeof value, "{" GOOD ",\"id\":\"%s\"}", id);
        world_write(w, "scripts", id, value, NULL);
    }
    world_flush(w);
}

static void set_ended(void *ctx) { atomic_store((atomic_bool *)ctx, true); }

static void messages_become_rows_and_reports(void **state)
{
    struct world *w = *state;
    write_submissions(w, 0, 500);
    struct bridge *b = begin(w, NULL);

    WAIT_UNTIL(rows(w) == 500);
    for (int i = 0; i < 500; i++)
        (void)topic_judge(w->table->j);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    assert_int_equal(counter(b, BRIDGE_ACCEPTED), 500);
    WAIT_UNTIL(counter(b, BRIDGE_SENT) == 500); /* counted shortly after the rows are deleted */
    end(w, b);
    assert_int_equal(world_read(w, "results", NULL, NULL), 500);
    b = begin(w, NULL); /* committed messages are not read again */
    write_submissions(w, 500, 501);
    WAIT_UNTIL(rows(w) == 501);
    assert_int_equal(counter(b, BRIDGE_CONSUMED), 1);
    end(w, b);
}

static void every_kind_of_message_is_counted(void **state)
{
    struct world *w = *state;
    struct bridge *b;

    w->config.ignore_done = true;
    world_write(w, "scripts", "k", "{" GOOD ",\"id\":\"a\",\"colour\":1}", NULL);
    world_write(w, "scripts", "k", "{" GOOD ",\"id\":\"a\"}", NULL);
    world_write(w, "scripts", "k", "{" GOOD ",\"id\":\"a\",\"stop_on_failure\":false}", NULL);
    world_write(w, "scripts", "k", "{\"type\":\"done\"}", NULL);
    world_write(w, "scripts", "k", "{\"type\":\"other\"}", NULL);
    world_write(w, "scripts", "k", "{", NULL);
    world_write(w, "scripts", "k", NULL, NULL);
    world_flush(w);
    b = begin(w, NULL);
    WAIT_UNTIL(counter(b, BRIDGE_DEAD_LETTERS) == 2); /* one of them is the conflict */
    WAIT_UNTIL(counter(b, BRIDGE_REPEATED) == 1);
    assert_int_equal(counter(b, BRIDGE_CONSUMED), 7);
    assert_int_equal(counter(b, BRIDGE_ACCEPTED), 1);
    assert_int_equal(counter(b, BRIDGE_CONFLICTS), 1);
    assert_int_equal(counter(b, BRIDGE_DONES), 1);
    assert_int_equal(counter(b, BRIDGE_FOREIGN_TYPES), 1);
    assert_int_equal(counter(b, BRIDGE_TOMBSTONES), 1);
    assert_int_equal(counter(b, BRIDGE_IGNORED_FIELDS), 1);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    end(w, b);
    assert_int_equal(world_read(w, "scripts.dead-letter", NULL, NULL), 2);
    assert_int_equal(world_read(w, "results", NULL, NULL), 1); /* of "{" */
}

static void reading_pauses_while_the_table_is_full(void **state)
{
    struct world *w = *state;
    struct bridge_health h;

    w->config.max_queued = w->table->config.max_queued = 10;
    job_table_reopen(w->table);
    write_submissions(w, 0, 100);
    struct bridge *b = begin(w, NULL);
    for (int i = 0; i < 100; i++) {
        WAIT_UNTIL(rows(w) > i);
        if (i == 0) {
            WAIT_UNTIL((bridge_health(b, &h), h.paused));
            assert_true(rows(w) <= 10);
        }
        (void)topic_judge(w->table->j);
    }
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    assert_int_equal(counter(b, BRIDGE_REPLAYS), 0);
    end(w, b);
    assert_int_equal(world_read(w, "results", NULL, NULL), 100);
}

static void reading_ends_after_the_expected_number(void **state)
{
    struct world *w = *state;
    atomic_bool ended = false;
    const struct bridge_hooks hooks = { .ended = set_ended, .ctx = &ended };

    w->config.expected = 5;
    write_submissions(w, 0, 20);
    struct bridge *b = begin(w, &hooks);
    WAIT_UNTIL(ended);
    assert_int_equal(rows(w), 5);
    assert_int_equal(counter(b, BRIDGE_CONSUMED), 5);
    end(w, b);
    assert_int_equal(rows(w), 5);
}

/* Without any broker it neither blocks nor fails, and it ends at once. */
static void no_broker_is_no_error(void **state)
{
    struct world *w = *state;
    struct bridge_health h;

    w->config.brokers = "127.0.0.1:1";
    struct bridge *b = begin(w, NULL);
    WAIT_UNTIL((bridge_health(b, &h), strstr(h.why[BRIDGE_CONNECTION], "no broker") != NULL));
    assert_false(h.connected);
    int64_t begun = clock_mono_ns();
    end(w, b);
    assert_true(clock_mono_ns() - begun < 10 * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(messages_become_rows_and_reports),
        IN_WORLD(every_kind_of_message_is_counted),
        IN_WORLD(reading_pauses_while_the_table_is_full),
        IN_WORLD(reading_ends_after_the_expected_number),
        IN_WORLD(no_broker_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
