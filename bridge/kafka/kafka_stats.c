#include "bridge/kafka/kafka_stats.h"

#include <jansson.h>
#include <string.h>

/* A listener with another protocol is "up" for some milliseconds at each attempt. */
#define UP_MIN_US ((json_int_t)300 * 1000)

static bool is_broker_up(const json_t *broker)
{
    const char *state = json_string_value(json_object_get(broker, "state"));

    return state && strcmp(state, "UP") == 0 &&
           json_integer_value(json_object_get(broker, "stateage")) >= UP_MIN_US;
}

/* An address of KAFKA_BROKERS has a negative id. So has the group's coordinator, with the source
 * "logical". */
static bool is_bootstrap_address(const json_t *broker)
{
    const char *source = json_string_value(json_object_get(broker, "source"));

    return json_integer_value(json_object_get(broker, "nodeid")) < 0 &&
           !(source && strcmp(source, "logical") == 0);
}

static bool is_broker_tried(const json_t *broker)
{
    const char *state = json_string_value(json_object_get(broker, "state"));

    return state && strcmp(state, "INIT") != 0;
}

/* A bootstrap server counts only while no advertised broker was tried: it may advertise addresses
 * that cannot be reached. */
static bool any_broker_is_up(const json_t *root)
{
    json_t *brokers = json_object_get(root, "brokers"), *broker;
    bool bootstrap_up = false, tried = false;
    const char *name;

    json_object_foreach(brokers, name, broker)
    {
        if (!is_bootstrap_address(broker) && is_broker_up(broker))
            return true;
        bootstrap_up |= is_broker_up(broker);
        tried |= !is_bootstrap_address(broker) && is_broker_tried(broker);
    }
    return bootstrap_up && !tried;
}

/* Partitions of other members have the fetch state "none" or "stopped"; -1 is internal to
 * librdkafka. */
static bool is_assigned(const json_t *partition)
{
    const char *state = json_string_value(json_object_get(partition, "fetch_state"));

    return json_integer_value(json_object_get(partition, "partition")) >= 0 && state &&
           strcmp(state, "none") != 0 && strcmp(state, "stopped") != 0;
}

bool kafka_stats_read(const char *json, size_t len, const char *topic, bool *ret_connected,
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
        if (n == BRIDGE_LAGS_MAX || !is_assigned(partition))
            continue;
        lags[n++] = (struct bridge_lag){ .partition = (int32_t)json_integer_value(
                                             json_object_get(partition, "partition")),
                                         .lag = -1 };
    }
    *ret_connected = any_broker_is_up(root);
    *ret_lags_len = n;
    return true;
}
