#include "bridge/kafka/bridge_health.h"

#define COUNTER_NAME(counter, name) [counter] = name,
static const char *const names[] = { BRIDGE_COUNTERS(COUNTER_NAME) };

const char *bridge_counter_name(enum bridge_counter c)
{
    return c < BRIDGE_COUNTER_COUNT ? names[c] : "";
}

#define PART_NAME(part, name) [part] = name,
static const char *const part_names[] = { BRIDGE_PART_NAMES(PART_NAME) };

const char *bridge_part_name(enum bridge_part p) { return p < BRIDGE_PARTS ? part_names[p] : ""; }
