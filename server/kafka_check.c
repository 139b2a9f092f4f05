#include "server/kafka_check.h"

#include <stdio.h>
#include <string.h>

#include "bridge/publish/encode.h"
#include "engine/host/host_load.h"
#include "schema/base/err.h"
#include "server/config.h"
#include "server/kafka_config.h"

#define DAY_MS       (24LL * 3600 * 1000)
#define REPORT_BYTES ((int64_t)(128 * KIB)) /* both outputs of one test, as they are kept */

/* Which topics a rule is for. */
#define SCRIPTS (1U << TOPICS_SCRIPTS)
#define RESULTS (1U << TOPICS_RESULTS)
#define LETTERS (1U << TOPICS_DEAD_LETTERS)
#define ALL     (SCRIPTS | RESULTS | LETTERS)

typedef const struct topics_view *views; /* of all topics, by enum topics_role */

static bool is_missing(const struct topics_view *t, views all)
{
    (void)all;
    return t->missing;
}

static bool is_not_told(const struct topics_view *t, views all)
{
    (void)all;
    return !t->missing && (!t->counted || !t->read);
}

static bool has_one_partition(const struct topics_view *t, views all)
{
    (void)all;
    return t->counted && t->copies.partitions == 1;
}

static bool has_one_copy(const struct topics_view *t, views all)
{
    (void)all;
    return t->counted && t->copies.replicas == 1;
}

static bool has_weak_acks(const struct topics_view *t, views all)
{
    (void)all;
    return t->counted && t->read && t->copies.replicas > 1 && t->config.min_insync_replicas < 2;
}

static bool compacts(const struct topics_view *t, views all)
{
    (void)all;
    return t->read && t->config.compacts;
}

static bool never_deletes(const struct topics_view *t, views all)
{
    (void)all;
    return t->read && !t->config.deletes;
}

static bool never_compacts(const struct topics_view *t, views all)
{
    (void)all;
    return t->read && t->config.deletes && !t->config.compacts;
}

static bool keeps_less_than_a_day(const struct topics_view *t, views all)
{
    (void)all;
    return t->read && t->config.deletes && t->config.retention_ms >= 0 &&
           t->config.retention_ms < DAY_MS;
}

static bool takes_no_report(const struct topics_view *t, views all)
{
    (void)all;
    return t->read && t->config.max_message_bytes < ENCODE_MIN_BYTES;
}

static bool cuts_reports(const struct topics_view *t, views all)
{
    return t->read && !takes_no_report(t, all) && t->config.max_message_bytes < REPORT_BYTES;
}

static bool takes_less_than_scripts(const struct topics_view *t, views all)
{
    return t->read && all[TOPICS_SCRIPTS].read &&
           t->config.max_message_bytes < all[TOPICS_SCRIPTS].config.max_message_bytes;
}

/* ---- what is found ---- */

static void say_missing(const struct topics_view *t, struct host_diagnostic *f)
{
    host_diagnostic_add(f, f->level, "the topic %.100s does not exist", t->name);
}

static void say_why(const struct topics_view *t, struct host_diagnostic *f)
{
    host_diagnostic_add(f, f->level, "%.190s", t->why);
}

static void say_copies(const struct topics_view *t, struct host_diagnostic *f)
{
    host_diagnostic_add(f, f->level, "%.100s: %d partition%s, replication factor %d", t->name,
                        t->copies.partitions, t->copies.partitions == 1 ? "" : "s",
                        t->copies.replicas);
}

static void say_acks(const struct topics_view *t, struct host_diagnostic *f)
{
    host_diagnostic_add(f, f->level, "%.100s: min.insync.replicas is %lld, replication factor %d",
                        t->name, (long long)t->config.min_insync_replicas, t->copies.replicas);
}

static const char *policy_of(const struct topic_config *c)
{
    if (c->compacts)
        return c->deletes ? "compact,delete" : "compact";
    return c->deletes ? "delete" : "empty";
}

static void say_policy(const struct topics_view *t, struct host_diagnostic *f)
{
    host_diagnostic_add(f, f->level, "%.100s: cleanup.policy is %s", t->name,
                        policy_of(&t->config));
}

static void say_retention(const struct topics_view *t, struct host_diagnostic *f)
{
    host_diagnostic_add(f, f->level, "%.100s: retention.ms is %lld", t->name,
                        (long long)t->config.retention_ms);
}

static void say_bytes(const struct topics_view *t, struct host_diagnostic *f)
{
    host_diagnostic_add(f, f->level, "%.100s: max.message.bytes is %lld", t->name,
                        (long long)t->config.max_message_bytes);
}

struct rule {
    unsigned topics;
    bool (*applies)(const struct topics_view *t, views all);
    void (*say)(const struct topics_view *t, struct host_diagnostic *f);
    const char *impact;
    const char *config; /* for kafka-configs.sh --alter --add-config; NULL: see mend */
    const char *remedy; /* NAME is the topic */
};

static const struct rule rules[] = {
    { ALL, is_missing, say_missing, "nothing is read from it or goes to it until it is there", NULL,
      "kafka-topics.sh --create --topic NAME --partitions 12 --replication-factor 3" },
    { ALL, is_not_told, say_why,
      "the topic is not compared; the largest message is taken to be 1,000,000 bytes", NULL,
      "kafka-acls.sh --add --allow-principal User:... --topic NAME --operation Describe "
      "--operation DescribeConfigs" },
    { SCRIPTS, has_one_partition, say_copies,
      "one server has all of it, and others of the group judge nothing from Kafka", NULL,
      "at least as many partitions as servers: kafka-topics.sh --alter --topic NAME --partitions "
      "12" },
    { ALL, has_one_copy, say_copies, "what is on it goes with one broker's disk", NULL,
      "three copies: kafka-reassign-partitions.sh, or --replication-factor 3 when it is made" },
    { ALL, has_weak_acks, say_acks,
      "a message that one broker alone has is acknowledged, and is lost with that broker",
      "min.insync.replicas=2", NULL },
    { SCRIPTS, compacts, say_policy,
      "a submission may be removed unread when another with its key follows, and one without a key "
      "is refused",
      "cleanup.policy=delete", NULL },
    { LETTERS, compacts, say_policy,
      "a dead letter without a key is refused, and one may remove another", "cleanup.policy=delete",
      NULL },
    { RESULTS, never_deletes, say_policy, "it grows with every id for ever",
      "cleanup.policy=[compact,delete]", NULL },
    { RESULTS, never_compacts, say_policy,
      "a report that was published again stays beside the one before",
      "cleanup.policy=[compact,delete]", NULL },
    { ALL, keeps_less_than_a_day, say_retention,
      "messages may be deleted before anybody has read them; what was deleted unread is lost",
      "retention.ms=604800000", NULL },
    { RESULTS, takes_no_report, say_bytes, "no report fits: each is dropped, and counted",
      "max.message.bytes=1048588", NULL },
    { RESULTS, cuts_reports, say_bytes,
      "reports with long outputs are cut: outputs first, then tests", "max.message.bytes=1048588",
      NULL },
    { LETTERS, takes_less_than_scripts, say_bytes,
      "large messages that are no submissions arrive cut", NULL,
      "the same max.message.bytes as the topic of the submissions has" },
};

static void say_well(const struct topics_view *t, struct host_diagnostic *f)
{
    host_diagnostic_add(f, HOST_OK, "%.80s: %d partitions, replication factor %d, %s, %lld bytes",
                        t->name, t->copies.partitions, t->copies.replicas, policy_of(&t->config),
                        (long long)t->config.max_message_bytes);
}

#define ALTER                                                                                      \
    "kafka-configs.sh --bootstrap-server $KAFKA_BROKERS --alter --entity-type topics "             \
    "--entity-name NAME --add-config "

static void advise(const struct rule *r, const struct topics_view *t, struct host_diagnostic *f)
{
    const char *text = r->config ? ALTER : r->remedy, *at = strstr(text, "NAME");
    char remedy[sizeof f->remedy];

    if (at)
        (void)snprintf(remedy, sizeof remedy, "%.*s%.57s%s%s", (int)(at - text), text, t->name,
                       at + 4, r->config ? r->config : "");
    host_diagnostic_advise(f, r->impact, at ? remedy : text);
}

static const char *const names[] = { [TOPICS_SCRIPTS] = "submissions",
                                     [TOPICS_RESULTS] = "results",
                                     [TOPICS_DEAD_LETTERS] = "dead letters" };

size_t kafka_check_rate(const struct topics_view topics[TOPICS_COUNT],
                        struct host_diagnostic out[KAFKA_CHECK_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < TOPICS_COUNT; i++) {
        size_t before = n;
        for (size_t k = 0; k < ARRAY_LEN(rules); k++) {
            const struct rule *r = &rules[k];
            if (!(r->topics & 1U << i) || !r->applies(&topics[i], topics))
                continue;
            out[n] = (struct host_diagnostic){ .name = names[i], .level = HOST_WARNING };
            r->say(&topics[i], &out[n]);
            advise(r, &topics[i], &out[n++]);
        }
        if (n > before)
            continue;
        out[n] = (struct host_diagnostic){ .name = names[i] };
        say_well(&topics[i], &out[n++]);
    }
    return n;
}

size_t kafka_check_look(const struct kafka_config_settings *s,
                        struct host_diagnostic out[KAFKA_CHECK_MAX])
{
    struct topics_view topics[TOPICS_COUNT];
    struct err e;

    if (!s->config->kafka_brokers)
        return 0;
    if (kafka_config_topics(s, topics, &e) == 0)
        return kafka_check_rate(topics, out);
    out[0] = (struct host_diagnostic){ .name = "kafka" };
    host_diagnostic_add(&out[0], HOST_WARNING, "%.190s", e.msg);
    host_diagnostic_advise(
        &out[0], "nothing comes from Kafka and reports wait; HTTP goes on",
        "see that the brokers of KAFKA_BROKERS run and are reached from here under the "
        "names they advertise");
    return 1;
}
