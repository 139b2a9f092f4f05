#include "bridge/stats.h"

#include <jansson.h>
#include <string.h>

static bool any_broker_is_up(const json_t *root)
{
    json_t *brokers = json_object_get(root, "brokers"), *broker;
    const char *name;

    json_object_foreach(brokers, name, broker)
    {
        const char *state = json_string_value(json_object_get(broker, "state"));
        if (state && strcmp(state, "UP") == 0)
            return true;
    }
    return false;
}

/* "active" is the fetch state of a partition that is ours; -1 is librdkafka's internal one. */
static bool is_ours(const json_t *partition)
{
    const char *state = json_string_value(json_object_get(partition, "fetch_state"));

    return json_integer_value(json_object_get(partition, "partition")) >= 0 && state &&
           strcmp(state, "none") != 0 && strcmp(state, "stopped") != 0;
}

bool stats_read(const char *json, size_t len, const char *topic, bool *ret_connected,
                struct bridge_lag *lags, size_t *ret_lags_len)
{
    json_auto_t *root = json_loadb(json, len, 0, NULL);
    const char *key;
    json_t *partition;
    size_t n = 0;

    if (!root)
        return false;
    json_t *partitions =
        json_object_get(json_object_get(json_object_get(root, "topics"), topic), "partitions");
    json_object_foreach(partitions, key, partition)
    {
        if (n == BRIDGE_LAGS_MAX || !is_ours(partition))
            continue;
        lags[n++] = (struct bridge_lag){ .partition = (int32_t)json_integer_value(
                                             json_object_get(partition, "partition")),
                                         .lag = -1 };
    }
    *ret_connected = any_broker_is_up(root);
    *ret_lags_len = n;
    return true;
}
