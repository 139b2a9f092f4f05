/* Topics that suit and topics that do not: every rule of `scrc --check` as a row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/kafka_check.h"

static struct topics_view good(const char *name, enum topics_role role)
{
    struct topics_view t = { .counted = true,
                             .read = true,
                             .copies = { .partitions = 12, .replicas = 3 },
                             .config = { .max_message_bytes = 1048588,
                                         .min_insync_replicas = 2,
                                         .retention_ms = 604800000,
                                         .compacts = role == TOPICS_RESULTS,
                                         .deletes = true } };

    (void)snprintf(t.name, sizeof t.name, "%s", name);
    return t;
}

struct world {
    struct topics_view topics[TOPICS_COUNT];
    struct host_diagnostic found[KAFKA_CHECK_MAX];
    size_t len;
};

static struct world all_good(void)
{
    return (struct world){ .topics = { good("scripts", TOPICS_SCRIPTS),
                                       good("results", TOPICS_RESULTS),
                                       good("dead", TOPICS_DEAD_LETTERS) } };
}

static void all_is_well(void **state)
{
    struct world w = all_good();
    (void)state;

    assert_int_equal(kafka_check_rate(w.topics, w.found), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(w.found[i].level, HOST_OK);
        assert_non_null(strstr(w.found[i].message, w.topics[i].name));
    }
}

static void missing(struct topics_view *t)
{
    *t = (struct topics_view){ .missing = true };
    (void)snprintf(t->name, sizeof t->name, "gone");
}
static void not_told(struct topics_view *t)
{
    t->read = false;
    (void)snprintf(t->why, sizeof t->why, "it needs DESCRIBE_CONFIGS");
}
static void one_partition(struct topics_view *t) { t->copies.partitions = 1; }
static void one_copy(struct topics_view *t)
{
    t->copies.replicas = 1;
    t->config.min_insync_replicas = 1;
}
static void weak_acks(struct topics_view *t) { t->config.min_insync_replicas = 1; }
static void compacted(struct topics_view *t)
{
    t->config.compacts = true;
    t->config.deletes = false;
}
static void deleted(struct topics_view *t) { t->config.compacts = false; }
static void kept_for_an_hour(struct topics_view *t) { t->config.retention_ms = 3600000; }
static void kept_for_ever(struct topics_view *t) { t->config.retention_ms = -1; }
static void of_500_bytes(struct topics_view *t) { t->config.max_message_bytes = 500; }
static void of_20000_bytes(struct topics_view *t) { t->config.max_message_bytes = 20000; }
static void of_2_mib(struct topics_view *t) { t->config.max_message_bytes = 2097152; }

/* says, mend: a part of the one warning; NULL: there is none. */
static const struct row {
    enum topics_role role;
    void (*spoil)(struct topics_view *t);
    const char *message, *remedy;
} rows[] = {
    { TOPICS_SCRIPTS, missing, "gone does not exist", "kafka-topics.sh --create --topic gone " },
    { TOPICS_RESULTS, missing, "gone does not exist", "kafka-topics.sh --create --topic gone " },
    { TOPICS_DEAD_LETTERS, missing, "gone does not exist",
      "kafka-topics.sh --create --topic gone " },
    { TOPICS_RESULTS, not_told, "DESCRIBE_CONFIGS", "--topic results --operation Describe" },
    { TOPICS_SCRIPTS, one_partition, "1 partition,", "--topic scripts --partitions 12" },
    { TOPICS_RESULTS, one_partition, NULL, NULL },
    { TOPICS_SCRIPTS, one_copy, "replication factor 1", "kafka-reassign-partitions.sh" },
    { TOPICS_RESULTS, one_copy, "replication factor 1", "kafka-reassign-partitions.sh" },
    { TOPICS_DEAD_LETTERS, one_copy, "replication factor 1", "kafka-reassign-partitions.sh" },
    { TOPICS_SCRIPTS, weak_acks, "min.insync.replicas is 1, replication factor 3",
      "--entity-name scripts --add-config min.insync.replicas=2" },
    { TOPICS_RESULTS, weak_acks, "min.insync.replicas is 1",
      "--entity-name results --add-config min.insync.replicas=2" },
    { TOPICS_SCRIPTS, compacted, "cleanup.policy is compact",
      "--entity-name scripts --add-config cleanup.policy=delete" },
    { TOPICS_DEAD_LETTERS, compacted, "cleanup.policy is compact",
      "--entity-name dead --add-config cleanup.policy=delete" },
    { TOPICS_RESULTS, compacted, "cleanup.policy is compact",
      "--entity-name results --add-config cleanup.policy=[compact,delete]" },
    { TOPICS_RESULTS, deleted, "cleanup.policy is delete",
      "--entity-name results --add-config cleanup.policy=[compact,delete]" },
    { TOPICS_SCRIPTS, kept_for_an_hour, "retention.ms is 3600000", "retention.ms=604800000" },
    { TOPICS_RESULTS, kept_for_an_hour, "retention.ms is 3600000", "retention.ms=604800000" },
    { TOPICS_DEAD_LETTERS, kept_for_an_hour, "retention.ms is 3600000", "retention.ms=604800000" },
    { TOPICS_SCRIPTS, kept_for_ever, NULL, NULL },
    { TOPICS_RESULTS, of_500_bytes, "max.message.bytes is 500",
      "--entity-name results --add-config max.message.bytes=1048588" },
    { TOPICS_RESULTS, of_20000_bytes, "max.message.bytes is 20000", "max.message.bytes=1048588" },
    { TOPICS_DEAD_LETTERS, of_20000_bytes, "max.message.bytes is 20000", "the same" },
    { TOPICS_DEAD_LETTERS, of_2_mib, NULL, NULL },
};

static void each_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w = all_good();
        const struct host_diagnostic *f = NULL;
        size_t warnings = 0;

        print_message("row %zu: %s\n", i, rows[i].message ? rows[i].message : "nothing");
        rows[i].spoil(&w.topics[rows[i].role]);
        w.len = kafka_check_rate(w.topics, w.found);
        for (size_t k = 0; k < w.len; k++) {
            assert_int_not_equal(w.found[k].level, HOST_UNFIT);
            if (w.found[k].level == HOST_WARNING) {
                warnings++;
                f = &w.found[k];
            }
        }
        assert_int_equal(warnings, rows[i].message != NULL);
        assert_int_equal(w.len, 3);
        if (!f)
            continue;
        assert_non_null(strstr(f->message, rows[i].message));
        assert_non_null(strstr(f->remedy, rows[i].remedy));
        assert_true(f->impact[0] != '\0' && !strstr(f->remedy, "NAME"));
    }
}

/* All that can be wrong at once has its place. */
static void all_is_wrong(void **state)
{
    struct world w = all_good();
    (void)state;

    for (size_t i = 0; i < TOPICS_COUNT; i++) {
        struct topics_view *t = &w.topics[i];
        memset(t->name, 'x', sizeof t->name - 1);
        one_partition(t);
        weak_acks(t);
        t->config.compacts = i != TOPICS_RESULTS;
        kept_for_an_hour(t);
        t->config.max_message_bytes = 2000 - (int64_t)i;
    }
    w.len = kafka_check_rate(w.topics, w.found);
    assert_int_equal(w.len, 4 + 4 + 4);
    for (size_t i = 0; i < w.len; i++)
        assert_true(strlen(w.found[i].remedy) < sizeof w.found[i].remedy - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_well),
        cmocka_unit_test(each_rule),
        cmocka_unit_test(all_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
