/* bridge/consume/consumer_internal.h - shared by the files of the consumer; no other file includes
 * it.
 *
 *     consumer.c         the thread: polls, takes messages, ends
 *     consumer_group.c   assigned and revoked partitions; whether this host can judge
 *     consumer_status.c  librdkafka's errors and statistics
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
    struct kafka_health *health;
    struct bridge_hooks hooks;
    struct intake *intake;
    rd_kafka_t *rk;
    /* Messages of all partitions. Apart from the handle's own queue, so that the handle is always
     * polled, but messages are read only when there is room. */
    rd_kafka_queue_t *messages;
    rd_kafka_queue_t **queues; /* owned: of each partition, forwarded to messages */
    size_t queues_len;
    pthread_t thread;
    bool runs;
    pthread_mutex_t able_lock; /* held to call hooks.able and to set halt, so that hooks.able is not
                                  called after consumer_halt() */
    atomic_bool halt, stop;
    atomic_llong deadline_ns; /* of consumer_stop() */

    /* used by the thread only */
    bool end_notified;
    bool broken;               /* a fatal error: the handle must be replaced */
    bool reading_ok;           /* the topic was read since the last problem */
    char cause[200];           /* why no broker answers; "": not known */
    bool cause_is_certain;     /* it will not go away by itself, so it is reported at once */
    char problems[2][200];     /* with the topic, with the group; "": none */
    int64_t recheck_ns;        /* when it is next checked whether the problems are over */
    bool strays_given_back;    /* see giveback_strays() */
    int64_t halt_check_ns;     /* after halt: when it is next checked whether all is committed */
    bool left;                 /* the group was left: unable to judge, or halted */
    bool blocked;              /* reading is paused because the table takes nothing */
    struct lookback *lookback; /* NULL: none is needed */
    int64_t able_check_ns;     /* when hooks.able is called next */
    int64_t unable_since_ns;   /* 0: this host can judge */
    int64_t store_offsets_ns;  /* when offsets are stored next */
    int64_t made_ns;           /* when the handle was made */
    int64_t renew_wait_ns;     /* the wait before it was made; 0: it is the first */
    int without_broker;        /* statistics in a row without a connected broker */
};

/* consumer.c */
void consumer_store_offsets(struct consumer *c);

/* consumer_group.c */
void consumer_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t *list, void *ctx);
NODISCARD int consumer_join(struct consumer *c, struct err *e);
/* Releases the queues of the partitions: after a revocation, and before the handle is destroyed. */
void consumer_release_queues(struct consumer *c);
/* Whether this host can judge now. Leaves the group when it cannot for long, and joins it again. */
bool consumer_is_able(struct consumer *c);
/* Moves a partition to its first message, when the offset to read does not exist any more. */
void consumer_reset_position(struct consumer *c, int32_t partition);

/* consumer_status.c: callbacks of the handle; ctx is the consumer. */
void consumer_on_error(rd_kafka_t *rk, int code, const char *reason, void *ctx);
int consumer_on_stats(rd_kafka_t *rk, char *json, size_t len, void *ctx);
/* Handles a message that is an error or an event. */
void consumer_handle_error(struct consumer *c, const rd_kafka_message_t *m);
/* Sets the fatal error of the handle as a problem. */
void consumer_set_fatal_problem(struct consumer *c);
/* Clears the problems, because the topic was read. */
void consumer_clear_problems(struct consumer *c);
/* To be called in every turn: while there are problems, makes librdkafka repeat its errors. */
void consumer_recheck_problems(struct consumer *c);
