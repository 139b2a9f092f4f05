/* bridge/consume/consumer_internal.h - what the files of the consumer share. Nobody else includes
 * it.
 *
 *     consumer.c        the thread: polls, takes messages, ends
 *     consumer_group.c  partitions that come and go; being able to judge
 *     consumer_said.c   what librdkafka says: logs, errors, statistics
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bridge/consume/intake.h"
#include "bridge/kafka/bridge_config.h"

struct lookback;

struct consumer {
    const struct bridge_config *config; /* borrowed, as the next two */
    struct jobs *jobs;
    struct kafka_health *tally;
    struct bridge_hooks hooks;
    struct intake *intake;
    rd_kafka_t *rk;
    rd_kafka_queue_t
        *messages;             /* of all partitions, apart from what else the handle says: it is
                                  read only when there is room, while the handle is always polled */
    rd_kafka_queue_t **queues; /* owned: of each partition, forwarded to messages */
    size_t queues_len;
    pthread_t thread;
    bool runs;
    pthread_mutex_t able_lock; /* held while hooks.able is asked, and to set halt: behind that
                                  nobody asks */
    atomic_bool halt, stop;
    atomic_llong deadline_ns; /* of stopping */

    /* the thread's own */
    bool told_end, broken;
    bool well;                        /* nothing is wrong with reading */
    char cause[200];                  /* why no broker answers; "": not known */
    bool sure;                        /* the cause is one that somebody must mend */
    char wrong[2][200];               /* with the topic, with the group; "": nothing */
    int64_t ask_ns;                   /* when it is asked whether reading is well again */
    bool returned;                    /* what an earlier life took of others' partitions */
    bool halted;                      /* what was not begun has gone back */
    int64_t halt_ns;                  /* when it is asked again whether the group may be left */
    bool left;                        /* the group was left until this host can judge */
    bool waiting;                     /* the table takes nothing: said */
    struct lookback *lookback;        /* NULL: nothing to wait for */
    int64_t able_ns, unable_since_ns; /* when it is asked again; 0: it is able */
    int64_t offsets_ns;               /* when they are stored again */
    int64_t made_ns, patience_ns;     /* of the handle: since when, and what it waited for */
    int without_broker;
};

/* consumer.c */
void consumer_store_offsets(struct consumer *c);

/* consumer_group.c */
void consumer_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t *list, void *ctx);
NODISCARD int consumer_join(struct consumer *c, struct err *e);
/* Partitions' queues; when they have gone, and before the handle does. */
void consumer_let_queues_go(struct consumer *c);
/* Whether messages may be taken now: leaves the group, and comes back, as this host is able. */
bool consumer_is_able(struct consumer *c);
/* A partition whose position is not there any more goes on from its first message. */
void consumer_reset(struct consumer *c, int32_t partition);

/* consumer_said.c: callbacks, whose ctx is the consumer. */
void consumer_on_error(rd_kafka_t *rk, int code, const char *reason, void *ctx);
int consumer_on_stats(rd_kafka_t *rk, char *json, size_t len, void *ctx);
/* A message that is none but an error. */
void consumer_note_error(struct consumer *c, const rd_kafka_message_t *m);
/* The handle cannot go on: says why. */
void consumer_note_fatal(struct consumer *c);
/* Something came from the topic. */
void consumer_note_well(struct consumer *c);
/* At every turn: while something is wrong with reading, has it said again or not. */
void consumer_ask_well(struct consumer *c);
