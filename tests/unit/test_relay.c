/* The outbox is published: each row exactly once, despite errors of the broker and killed servers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/publish/relay.h"
#include "schema/base/clock.h"
#include "schema/store/outbox.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/world.h"

#define ROWS 300

/* How often each of the ids n0, n1, ... was seen. */
struct seen {
    int times[ROWS + 1];
    size_t others;
};

static void count_key(void *ctx, const rd_kafka_message_t *m)
{
    struct seen *s = ctx;
    char key[40] = "";

    memcpy(key, m->key, m->key_len < sizeof key ? m->key_len : sizeof key - 1);
    long n = key[0] == 'n' ? strtol(key + 1, NULL, 10) : -1;
    if (n < 0 || n > ROWS)
        s->others++;
    else
        s->times[n]++;
}

static void assert_each_once(struct world *w, int from, int to)
{
    struct seen s = { 0 };

    (void)world_read(w, "results", count_key, &s);
    assert_int_equal(s.others, 0);
    for (int i = from; i < to; i++) {
        if (s.times[i] != 1)
            fail_msg("n%d was published %d times", i, s.times[i]);
    }
}

/* Rows n<from> ... are accepted and judged. */
static void judge_rows(struct world *w, int from, int to)
{
    struct jobs_op op;
    char id[20];

    for (int i = from; i < to; i++) {
        (void)snprintf(id, sizeof id, "n%d", i);
        assert_int_equal(row_send(w->table->j, id, "c", "x", &op), 0);
    }
    for (int i = from; i < to; i++)
        (void)topic_judge(w->table->j);
}

static struct relay *begin(struct world *w)
{
    struct relay *relay = NULL;
    struct err e;

    if (relay_open(&w->config, w->table->j, &w->tally, &relay, &e) < 0)
        fail_msg("%s", e.msg);
    if (relay_start(relay, &e) < 0)
        fail_msg("%s", e.msg);
    return relay;
}

/* In the order in which a server ends: stops the relay, closes the table, frees the relay. */
static void end(struct world *w, struct relay *relay)
{
    relay_stop(relay, clock_mono_ns() + 10 * NS_PER_S);
    w->table->j = jobs_close(w->table->j);
    (void)relay_free(relay);
    job_table_open(w->table);
}

static int64_t counter(struct world *w, enum bridge_counter c)
{
    struct bridge_health h;

    kafka_health_read(&w->tally, &h);
    return h.counters[c];
}

static void every_row_is_sent_once(void **state)
{
    struct world *w = *state;
    judge_rows(w, 0, 20); /* before it starts, and while it runs */
    struct relay *relay = begin(w);

    judge_rows(w, 20, ROWS);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    end(w, relay);
    assert_each_once(w, 0, ROWS);
    assert_int_equal(counter(w, BRIDGE_SENT), ROWS);
}

static void stopping_sends_all_rows(void **state)
{
    struct world *w = *state;
    struct relay *relay = begin(w);

    judge_rows(w, 0, 1); /* so that recovery is done */
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    judge_rows(w, 1, ROWS);
    end(w, relay);
    assert_int_equal(topic_waiting(w->table->j), 0);
    assert_each_once(w, 0, ROWS);
}

static void a_fatal_error_is_survived(void **state)
{
    struct world *w = *state;
    struct relay *relay = begin(w);

    judge_rows(w, 0, 100);
    assert_true(relay_break(relay));
    judge_rows(w, 100, 200);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    assert_true(relay_break(relay));
    judge_rows(w, 200, ROWS);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    end(w, relay);
    assert_each_once(w, 0, ROWS);
}

static void it_waits_for_an_absent_broker(void **state)
{
    struct world *w = *state;
    struct relay *relay = begin(w);

    judge_rows(w, 0, 50);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    assert_int_equal(rd_kafka_mock_broker_set_down(w->cluster, 1), 0);
    judge_rows(w, 50, 100);
    assert_true(topic_waiting(w->table->j) > 0);
    assert_int_equal(rd_kafka_mock_broker_set_up(w->cluster, 1), 0);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    end(w, relay);
    assert_each_once(w, 0, 100);
}

/* One request at a time: the mock broker does not check sequence numbers, and would take the second
 * of two requests after it has refused the first. */
static void refused_requests_are_sent_again(void **state)
{
    char *environment[] = { (char *)(uintptr_t) "KAFKA_PROP_MAX_IN_FLIGHT=1", NULL };
    struct world *w = *state;

    w->config.environment = environment;
    struct relay *relay = begin(w);
    judge_rows(w, 0, 10);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    rd_kafka_mock_push_request_errors(
        w->cluster, 0 /* Produce */, 3, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    judge_rows(w, 10, 100);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    end(w, relay);
    assert_each_once(w, 0, 100);
}

static bool has_problem(struct world *w, const char *word)
{
    struct bridge_health h;

    kafka_health_read(&w->tally, &h);
    return word ? strstr(h.why[BRIDGE_PUBLISHING], word) != NULL : h.why[BRIDGE_PUBLISHING][0] != 0;
}

/* The broker does not return a topic's limit, and refuses a batch of several messages. */
static void rows_too_large_together_are_sent_alone(void **state)
{
    char *environment[] = { (char *)(uintptr_t) "KAFKA_PROP_MAX_IN_FLIGHT=1", NULL };
    struct world *w = *state;

    w->config.environment = environment;
    judge_rows(w, 0, 10);
    rd_kafka_mock_push_request_errors(w->cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    struct relay *relay = begin(w);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    assert_false(has_problem(w, NULL));
    end(w, relay);
    assert_each_once(w, 0, 10);
    assert_int_equal(counter(w, BRIDGE_DROPPED), 0);
    assert_int_equal(counter(w, BRIDGE_TRUNCATED), 0);
}

/* While a topic refuses messages, the problem names the right that is missing. */
static void a_missing_right_is_reported(void **state)
{
    char *environment[] = { (char *)(uintptr_t) "KAFKA_PROP_MAX_IN_FLIGHT=1", NULL };
    struct world *w = *state;

    w->config.environment = environment;
    struct relay *relay = begin(w);
    judge_rows(w, 0, 10);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    assert_false(has_problem(w, NULL));
    rd_kafka_mock_push_request_errors(w->cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    judge_rows(w, 10, 11);
    WAIT_UNTIL(has_problem(w, "WRITE"));
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    WAIT_UNTIL(!has_problem(w, NULL));
    end(w, relay);
    assert_each_once(w, 0, 11);
}

/* A server that was killed between the broker's commit and the table's left the row and its
 * message. */
static void rows_on_the_topic_are_not_sent_again(void **state)
{
    struct world *w = *state;
    struct relay *relay = begin(w);
    char header[80];

    judge_rows(w, 0, 5);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    end(w, relay);
    judge_rows(w, 5, 10);
    struct outbox_batch b = topic_read_all(w->table->j);
    for (size_t i = 0; i < 2; i++) { /* n5 and n6 are on the topic, as if we had sent them */
        (void)snprintf(header, sizeof header, "%s:%lld", jobs_table_id(w->table->j),
                       (long long)b.items[i].number);
        world_write(w, "results", b.items[i].key, "{}", header);
    }
    /* A row of another table with the number of ours is ignored. */
    (void)snprintf(header, sizeof header, "other:%lld", (long long)b.items[2].number);
    world_write(w, "results", "x", "{}", header);
    world_flush(w);
    outbox_batch_clear(&b);

    relay = begin(w);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    end(w, relay);
    struct seen s = { 0 };
    (void)world_read(w, "results", count_key, &s);
    for (int i = 0; i < 10; i++)
        assert_int_equal(s.times[i], 1);
    assert_int_equal(s.others, 1);
    assert_int_equal(counter(w, BRIDGE_ALREADY_SENT), 2);
}

/* What was initialised is not initialised again, which librdkafka refuses. */
static void a_recovery_that_fails_is_tried_again(void **state)
{
    struct world *w = *state;
    judge_rows(w, 0, 1);
    end(w, begin(w));
    judge_rows(w, 1, 10);
    rd_kafka_mock_push_request_errors(w->cluster, 2 /* ListOffsets */, 2,
                                      RD_KAFKA_RESP_ERR_INVALID_REQUEST,
                                      RD_KAFKA_RESP_ERR_INVALID_REQUEST);
    struct relay *relay = begin(w);
    WAIT_UNTIL(has_problem(w, NULL));
    while (topic_waiting(w->table->j) > 0)
        assert_false(has_problem(w, "_STATE"));
    end(w, relay);
    assert_each_once(w, 0, 10);
}

/* Watermarks are stored, so that the next start does not read old messages. */
static void watermarks_are_stored(void **state)
{
    struct world *w = *state;
    struct relay *relay = begin(w);

    judge_rows(w, 0, ROWS);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    end(w, relay);
    assert_int_equal(
        job_table_ask(w->table, "SELECT sum(offset) FROM watermark WHERE topic = 'results'"), ROWS);
}

/* A message larger than message.max.bytes is truncated: a report and a dead letter. */
static void too_large_messages_are_truncated(void **state)
{
    char *environment[] = { (char *)(uintptr_t) "KAFKA_PROP_MESSAGE_MAX_BYTES=1300",
                            (char *)(uintptr_t) "KAFKA_PROP_BATCH_SIZE=1300", NULL };
    struct world *w = *state;
    char value[5000];
    bool replay;
    struct err e;
    const struct outbox_dead_letter letter = {
        .kind = OUTBOX_DEAD_LETTER, .payload = value, .payload_len = sizeof value, .reason = "big"
    };

    w->config.environment = environment;
    struct relay *relay = begin(w);
    memset(value, 'v', sizeof value);
    assert_int_equal(
        topic_refuse(
            w->table->j,
            (struct outbox_origin){ .topic = "scripts", .partition = 0, .offset = 0, .sent_ms = 0 },
            &letter, 1, &replay, &e),
        0);
    judge_rows(w, 0, 1);
    WAIT_UNTIL(topic_waiting(w->table->j) == 0);
    end(w, relay);
    assert_int_equal(world_read(w, "scripts.dead-letter", NULL, NULL), 1);
    assert_int_equal(counter(w, BRIDGE_DROPPED), 0);
    assert_int_equal(world_read(w, "results", NULL, NULL), 1);
    assert_int_equal(counter(w, BRIDGE_TRUNCATED), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(every_row_is_sent_once),
        IN_WORLD(stopping_sends_all_rows),
        IN_WORLD(a_fatal_error_is_survived),
        IN_WORLD(it_waits_for_an_absent_broker),
        IN_WORLD(refused_requests_are_sent_again),
        IN_WORLD(rows_too_large_together_are_sent_alone),
        IN_WORLD(a_missing_right_is_reported),
        IN_WORLD(rows_on_the_topic_are_not_sent_again),
        IN_WORLD(a_recovery_that_fails_is_tried_again),
        IN_WORLD(watermarks_are_stored),
        IN_WORLD(too_large_messages_are_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
