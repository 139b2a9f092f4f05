/* bridge/bridge.h - Kafka on one side, the job table on the other.
 *
 *     bridge_open() --> bridge_start() --> bridge_drain() --> bridge_stop() --> bridge_free()
 *
 *     consumer thread   topic    --> job table --> offsets committed
 *     relay threads     outbox   --> results and dead-letter topics --> rows gone
 *     lag thread        ends and committed offsets --> bridge_health()
 *
 * A broker that is away is a state and not an error: they wait for it.
 *
 * Room     bridge. Knows the job table and librdkafka; has never heard of HTTP or Docker.
 * Owns     its threads and their librdkafka handles.
 * Threads  main's; any: bridge_health(), bridge_topics(), bridge_adopt(), bridge_disown().
 * Errors   0, or -1 with *e filled. ERR_SETTING names the setting, and never a secret.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/topics.h"
#include "schema/base.h"
#include "schema/submission.h"
#include "schema/verdict.h"

struct bridge;
struct err;
struct jobs;

/* All borrowed until bridge_free(). */
struct bridge_config {
    const char *brokers, *topic, *group_id, *results_topic;
    const char *dead_letter_topic; /* NULL: "<topic>.dead-letter" */
    char *const *environment;      /* where KAFKA_PROP_* is looked up; NULL-terminated */
    bool commit_reported;          /* KAFKA_COMMIT=reported */
    bool ignore_done;
    int64_t expected;              /* SCRIPT_EXPECTED; 0: no end */
    enum status_set set;           /* RUNNER_STATUS_SET; BY_EDGE counts as SCRC here */
    bool test_io;                  /* REPORT_TEST_IO */
    int64_t max_body_bytes;        /* of one message */
    int64_t max_queued;            /* the job table's */
    int64_t prefetch;              /* KAFKA_PREFETCH: how many may wait in the table */
    struct submission_rules rules; /* refuse_unknown is ours: false */
};

struct bridge_hooks {
    /* `done` came, or the SCRIPT_EXPECTED-th script: nothing more is read, and the offsets of what
     * was are stored. Called once, on the consumer's thread. May be NULL. */
    void (*ended)(void *ctx);
    /* Whether this host can judge now; if not, why. Called on the consumer's thread; must not
     * block. NULL: always. */
    bool (*able)(void *ctx, char *why, size_t size);
    void *ctx;
};

/* The settings alone, before anything is begun. */
NODISCARD int bridge_check(const struct bridge_config *c, struct err *e);

/* Makes the handles and listens to the table; before traffic starts, as the table's listeners must
 * be. No message is read yet. Borrows jobs, which must outlive bridge_stop(). */
NODISCARD int bridge_open(const struct bridge_config *c, struct jobs *jobs,
                          const struct bridge_hooks *hooks, struct bridge **ret_bridge,
                          struct err *e);
NODISCARD int bridge_start(struct bridge *b, struct err *e);

/* Takes nothing more. commit_reported: what was not begun goes back to Kafka, and offsets go on
 * being committed as reports are acknowledged. Otherwise waits until what was read is in the table,
 * stores its offsets and leaves the group, not later than deadline_ns (clock_mono_ns). After this
 * the hook `able` is not called any more. */
void bridge_drain(struct bridge *b, int64_t deadline_ns);

/* Drains, sends what is in the outbox while the broker takes it, not later than deadline_ns, and
 * leaves the group. What is left stays in the table for the next start. */
void bridge_stop(struct bridge *b, int64_t deadline_ns);

/* After jobs_close(), whose listeners it holds. Takes NULL, returns NULL. */
struct bridge *bridge_free(struct bridge *b);

/* A second table whose outbox is sent too (DATA_SLOTS). One at a time; bridge_disown() waits until
 * nothing of it is in flight. */
NODISCARD int bridge_adopt(struct bridge *b, struct jobs *jobs, struct err *e);
void bridge_disown(struct bridge *b);

/* ---- what it looks like from outside ---- */

/* Counters since start, in the order of enum bridge_counter. */
#define BRIDGE_COUNTERS(X)                                                                         \
    X(BRIDGE_CONSUMED, "consumed")                     /* messages read */                         \
    X(BRIDGE_ACCEPTED, "accepted")                     /* new submissions */                       \
    X(BRIDGE_REPEATED, "repeated")                     /* known ones at a new offset */            \
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
    X(BRIDGE_CUT, "cut")                       /* too large for the broker, sent shorter */        \
    X(BRIDGE_DROPPED, "dropped")               /* too large even when cut to nothing */

#define BRIDGE_COUNTER_ENUM(counter, name) counter,
enum bridge_counter { BRIDGE_COUNTERS(BRIDGE_COUNTER_ENUM) BRIDGE_COUNTER_COUNT };
#undef BRIDGE_COUNTER_ENUM
const char *bridge_counter_name(enum bridge_counter c);

#define BRIDGE_LAGS_MAX 4096 /* partitions of one server; more are not told of */

struct bridge_lag {
    int32_t partition;
    int64_t lag; /* messages not committed yet, as Kafka's group tool says it; -1: not known */
};

/* What may be wrong by itself. */
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
    char why[BRIDGE_PARTS][200]; /* what is wrong with each part; "": nothing */
    bool paused; /* nothing is read for now: the table takes nothing more, or this host cannot judge
                  */
    bool ended;  /* see hooks.ended */
    int64_t counters[BRIDGE_COUNTER_COUNT];
    struct bridge_lag lags[BRIDGE_LAGS_MAX]; /* of the partitions assigned to us */
    size_t lags_len;
};
void bridge_health(struct bridge *b, struct bridge_health *ret_health);

/* The topics as the broker has them now; see bridge/topics.h. Blocks for some seconds at most. Any
 * thread. */
NODISCARD int bridge_topics(struct bridge *b, struct topics_view out[TOPICS_COUNT], struct err *e);
