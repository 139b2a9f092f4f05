/* bridge/publish/relay_internal.h - shared by the files of the relay; no other file includes it.
 *
 *     relay.c          start and end, the threads
 *     relay_send.c     rows to messages, and a transaction of them
 *     relay_recover.c  rows that are on the topic already, and the watermarks
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

#define RELAY_ROWS 1000 /* the most of one transaction */

/* A row in the current transaction. */
struct relay_row {
    int64_t number;
    size_t bytes;
    bool sent;                /* false: it can never be sent, and is only deleted */
    rd_kafka_resp_err_t code; /* of its delivery */
    int32_t partition;
    int64_t offset;
};

/* All our rows below this offset of a partition are acknowledged and deleted. */
struct relay_watermark {
    int32_t partition;
    int64_t offset;
    bool dirty; /* not stored in the table yet */
};

enum lane_result {
    LANE_GOES_ON,
    LANE_EMPTY, /* there was nothing to send */
    LANE_FAILED /* to be tried again later; a new error was logged */
};

struct lane {
    struct relay *relay; /* borrowed */
    enum bridge_part part;
    unsigned kinds; /* of its rows: OUTBOX_KIND_BIT() of each */
    bool eager;     /* the producer is made before there is a row */
    const char *topic;
    char name[80]; /* the transactional id */
    pthread_t thread;
    bool runs;
    atomic_bool fail_for_test; /* relay_break() */

    /* used by the thread only */
    struct producer *producer; /* NULL: to be made */
    bool initialized;          /* the producer is, which can be done only once */
    bool ready;                /* it is, and relay_recover() has succeeded since */
    bool recovered;            /* relay_recover() was done before: later messages may be ours too */
    bool read_refused;         /* we have no right to read the topic, which was logged */
    bool has_problem;          /* the topic takes nothing now, which was reported */
    bool renewal_logged;       /* a new producer was logged since the last success */
    bool more;                 /* the outbox may have rows behind done_until */
    int64_t done_until;        /* rows up to this number are sent, or of another lane */
    int64_t alone_until;       /* rows up to this number are sent one by one; 0: none */
    size_t max_bytes;          /* the topic's limit of a message; 0: not known yet */
    size_t batch_bytes;        /* the limit of a batch that the producer was made with */
    bool needs_smaller_batches; /* so the producer must be replaced */
    struct relay_row rows[RELAY_ROWS];
    size_t rows_len;
    struct relay_watermark *watermarks; /* owned */
    size_t watermarks_len;
    size_t rows_since_stored;  /* deleted since the watermarks were stored */
    int64_t limit_read_ns;     /* when the topic's limit was read; 0: never */
    int64_t watermarks_ns;     /* when they were stored */
    int64_t init_ns;           /* since when producer_init() has timed out; 0: it has not */
    int64_t failure_logged_ns; /* when a failed delivery was logged; 0: never */
    int64_t progress_ns;       /* when a row was delivered or deleted last, or stopping began */
    int64_t stop_seen_ns;      /* when the thread noticed `stop`; 0: not yet */

    /* guarded by relay->lock */
    bool notified; /* of new rows of its kinds */
};

enum { LANE_REPORTS, LANE_DEAD_LETTERS, LANE_COUNT };

struct relay {
    const struct bridge_config *config; /* borrowed, as the next two */
    struct jobs *jobs;
    struct kafka_health *health;
    char dead_letter_topic[KAFKA_CONF_TOPIC_MAX + 1];
    atomic_bool stop;
    atomic_llong deadline_ns; /* of relay_stop() */
    struct lane lanes[LANE_COUNT];

    pthread_mutex_t lock;
    pthread_cond_t wake;
};

/* relay.c */
/* The relay stops, and the deadline is over or nothing was delivered for some seconds. */
bool relay_is_out_of_time(const struct lane *l);
/* Waits a second; less while it stops. */
void relay_back_off(struct lane *l);
/* Sets why the lane's topic takes nothing, in the bridge's health. */
void relay_set_problem(struct lane *l, rd_kafka_resp_err_t code, const char *why);
void relay_clear_problem(struct lane *l);
void relay_delivered(void *ctx, void *opaque, rd_kafka_resp_err_t code, int32_t partition,
                     int64_t offset);
/* Destroys the producer; the next turn makes a new one, and what was sent is looked for. */
void relay_discard_producer(struct lane *l);
/* The same after a fatal error, which it logs. */
void relay_replace_producer(struct lane *l, const char *why);

/* relay_send.c */
/* Sends the next rows in one transaction. */
enum lane_result relay_send(struct lane *l);

/* relay_recover.c */
/* Deletes rows that are on the topic already. -1: try again later; a new error was logged. */
NODISCARD int relay_recover(struct lane *l);
/* Moves the watermark behind a row that was deleted. */
void relay_add_watermark(struct lane *l, const struct relay_row *row);
/* Stores them in the table when enough rows or time have passed since the last time. */
void relay_store_watermarks(struct lane *l);
