/* bridge/publish/relay_internal.h - what the files of the relay share. Nobody else includes it.
 *
 *     relay.c          life cycle, the threads
 *     relay_send.c     rows to messages, and a transaction of them
 *     relay_recover.c  what is on the topic already, and the watermarks
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bridge/kafka/bridge_config.h"
#include "bridge/kafka/bridge_health.h"
#include "bridge/kafka/kafka_conf.h"

struct producer;

#define RELAY_ROWS 1000 /* of one transaction */

/* A row that is in the transaction. */
struct relay_row {
    int64_t number;
    size_t bytes;
    bool sent;                /* false: nothing of it can be sent, and it goes without */
    rd_kafka_resp_err_t code; /* of its delivery */
    int32_t partition;
    int64_t offset;
};

/* How far a partition is settled: every row of ours below it is acknowledged and gone. */
struct relay_mark {
    int32_t partition;
    int64_t offset;
    bool dirty; /* the table has an older one */
};

enum lane_result {
    LANE_GOES_ON,
    LANE_EMPTY, /* there was nothing to send */
    LANE_FAILED /* not now; it is said where it is news */
};

struct lane {
    struct relay *relay; /* borrowed */
    enum bridge_part part;
    unsigned kinds; /* bits of those of its rows */
    bool eager;     /* its producer is made before there is a row for it */
    const char *topic;
    char name[80]; /* the transactional id */
    pthread_t thread;
    bool runs;
    atomic_bool break_it; /* relay_break() */

    /* the thread's own */
    struct producer *producer; /* NULL: to be made */
    bool ready;                /* rows may be sent: the topic was looked at since it was made */
    bool looked;               /* what is on the topic since then may be ours */
    bool unread;               /* the topic may not be read, and that was said */
    bool troubled;             /* the topic takes nothing now, and that was said */
    bool renewed;              /* the producer was, since the topic was well */
    bool more;                 /* the last reading was not the end of the outbox */
    int64_t after;             /* rows up to this one are settled, or none of this lane's */
    int64_t alone_until;       /* rows up to this one go one by one; 0: none does */
    size_t limit;              /* bytes of a message, as learned; 0: not yet */
    size_t batch_bytes;        /* what its producer was made with */
    bool renew;                /* it is to be made anew, with smaller batches */
    struct relay_row rows[RELAY_ROWS];
    size_t rows_len;
    struct relay_mark *marks;
    size_t marks_len, unmarked; /* unmarked: rows gone since they were stored */
    int64_t measured_ns;        /* when the broker was asked what the topic takes; 0: never */
    int64_t marks_ns, init_ns, told_ns, progress_ns, ending_ns;

    /* guarded by relay->lock */
    bool news;
};

enum { LANE_REPORTS, LANE_LETTERS, LANE_COUNT };

struct relay {
    const struct bridge_config *config; /* borrowed, as the next two */
    struct jobs *jobs;
    struct kafka_health *tally;
    bool listens;
    char dead_letter_topic[KAFKA_CONF_TOPIC_MAX + 1];
    atomic_bool stop;
    atomic_llong deadline_ns; /* of stopping */
    struct lane lanes[LANE_COUNT];

    pthread_mutex_t lock;
    pthread_cond_t wake;
};

/* relay.c */
/* The end has come, and there is no more time, or nothing has moved for a while. */
bool relay_gives_up(const struct lane *l);
/* Waits a second; less at the end. */
void relay_back_off(struct lane *l);
/* The lane's topic takes nothing: why. */
void relay_note_trouble(struct lane *l, rd_kafka_resp_err_t code, const char *why);
void relay_note_well(struct lane *l);
void relay_delivered(void *ctx, void *opaque, rd_kafka_resp_err_t code, int32_t partition,
                     int64_t offset);
void relay_give_up_producer(struct lane *l, const char *why);

/* relay_send.c */
enum lane_result relay_send(struct lane *l); /* one transaction of what is there */

/* relay_recover.c. -1: not now; the error is logged where it is news. */
NODISCARD int relay_look(struct lane *l);
void relay_mark(struct lane *l, const struct relay_row *row); /* it is gone */
void relay_store_marks(struct lane *l);
