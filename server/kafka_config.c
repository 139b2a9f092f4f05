#include "server/kafka_config.h"

#include "server/config.h"
#include "server/submission_policy.h"

#define PREFETCH_EACH 32 /* of RUNNER_MAX_PARALLEL: about two seconds of work */
#define PREFETCH_MIN  64

static int64_t prefetch_of(const struct config *c)
{
    int64_t n = PREFETCH_EACH * c->runner_max_parallel;

    if (c->kafka_prefetch > 0)
        return c->kafka_prefetch;
    if (c->runner_max_parallel == 0) /* it judges nothing, and takes all */
        return c->max_queued;
    return n < PREFETCH_MIN ? PREFETCH_MIN : n;
}

static struct bridge_config settings_of(const struct kafka_config_settings *s)
{
    const struct config *c = s->config;

    return (struct bridge_config){
        .brokers = c->kafka_brokers,
        .topic = c->kafka_topic,
        .group_id = c->kafka_group_id,
        .results_topic = c->kafka_results_topic,
        .dead_letter_topic = c->kafka_dead_letter_topic,
        .environment = s->environment,
        .commit_reported = c->kafka_commit_reported,
        .ignore_done = c->kafka_ignore_done,
        .expected = c->script_expected,
        .set = (enum status_set)c->runner_status_set,
        .test_io = c->report_test_io,
        .max_body_bytes = c->max_body_bytes,
        .max_queued = c->max_queued,
        .prefetch = prefetch_of(c),
        .rules = submission_policy_make(c, s->languages, false),
    };
}

int kafka_check(const struct kafka_config_settings *s, struct err *e)
{
    if (!s->config->kafka_brokers)
        return 0;
    struct bridge_config settings = settings_of(s);
    return bridge_check(&settings, e);
}

int kafka_config_open(const struct kafka_config_settings *s, struct jobs *jobs,
                      const struct bridge_hooks *hooks, struct bridge **ret_bridge, struct err *e)
{
    if (!s->config->kafka_brokers)
        return 0;
    struct bridge_config settings = settings_of(s);
    return bridge_open(&settings, jobs, hooks, ret_bridge, e);
}

int kafka_config_topics(const struct kafka_config_settings *s, struct topics_view out[TOPICS_COUNT],
                        struct err *e)
{
    struct bridge_config settings = settings_of(s);

    return topics_query(&settings, TOPIC_CONFIG_TIMEOUT_MS, out, e);
}
