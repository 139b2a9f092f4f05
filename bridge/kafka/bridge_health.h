/* bridge/kafka/bridge_health.h - state and counters of the bridge.
 *
 * Room     bridge/kafka. Plain values.
 * Threads  any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counters since start, in the order of enum bridge_counter. */
#define BRIDGE_COUNTERS(X)                                                                         \
    X(BRIDGE_CONSUMED, "consumed")                     /* messages read */                         \
    X(BRIDGE_ACCEPTED, "accepted")                     /* new submissions */                       \
    X(BRIDGE_REPEATED, "repeated")                     /* known ids at a new offset */             \
    X(BRIDGE_REPLAYS, "replays")                       /* offsets seen before */                   \
    X(BRIDGE_REPORTED_ELSEWHERE, "reported_elsewhere") /* by another server, before we had it */   \
    X(BRIDGE_LOST, "lost")                   /* deleted from the topic before they were read */    \
    X(BRIDGE_CONFLICTS, "conflicts")         /* a known id with other content */                   \
    X(BRIDGE_TOMBSTONES, "tombstones")       /* messages without a value */                        \
    X(BRIDGE_FOREIGN_TYPES, "foreign_types") /* `type` neither script nor done */                  \
    X(BRIDGE_DONES, "dones")                                                                       \
    X(BRIDGE_DEAD_LETTERS, "dead_letters")     /* put into the outbox */                           \
    X(BRIDGE_IGNORED_FIELDS, "ignored_fields") /* unknown fields of submissions */                 \
    X(BRIDGE_SENT, "sent")                     /* acknowledged by the broker */                    \
    X(BRIDGE_ALREADY_SENT, "already_sent")     /* found on the topic after a restart */            \
    X(BRIDGE_RETRIED, "retried")               /* deliveries that failed and are tried again */    \
    X(BRIDGE_TRUNCATED, "cut")                 /* too large for the broker, sent shorter */        \
    X(BRIDGE_DROPPED, "dropped")               /* too large even when cut to nothing */

#define BRIDGE_COUNTER_ENUM(counter, name) counter,
enum bridge_counter { BRIDGE_COUNTERS(BRIDGE_COUNTER_ENUM) BRIDGE_COUNTER_COUNT };
#undef BRIDGE_COUNTER_ENUM
const char *bridge_counter_name(enum bridge_counter c);

#define BRIDGE_LAGS_MAX 4096 /* partitions of one server; more are not listed */

struct bridge_lag {
    int32_t partition;
    int64_t lag; /* messages behind the committed offset; -1: not known */
};

/* The parts that can fail independently of each other. */
#define BRIDGE_PART_NAMES(X)                                                                       \
    X(BRIDGE_CONNECTION, "connection")                                                             \
    X(BRIDGE_READING, "reading")                                                                   \
    X(BRIDGE_PUBLISHING, "publishing")                                                             \
    X(BRIDGE_LETTERS, "dead_letters")
#define BRIDGE_PART_ENUM(part, name) part,
enum bridge_part { BRIDGE_PART_NAMES(BRIDGE_PART_ENUM) BRIDGE_PARTS };
#undef BRIDGE_PART_ENUM
const char *bridge_part_name(enum bridge_part p);

struct bridge_health {
    bool connected;
    char why[BRIDGE_PARTS][200]; /* the problem of each part; "": none */
    bool paused; /* no message is read now: the table is full, or this host cannot judge */
    bool ended;  /* see bridge_hooks.ended */
    int64_t counters[BRIDGE_COUNTER_COUNT];
    struct bridge_lag lags[BRIDGE_LAGS_MAX]; /* of the partitions assigned to us */
    size_t lags_len;
    int64_t unreported; /* see outbox_unreported(); updated every few seconds */
};
