/* schema/store/outbox.h - what must still be told to Kafka: reports, refusals and dead letters.
 *
 *     a row becomes final, a message is refused, somebody asks again
 *         --> a row here, in the same transaction --sent and acknowledged (JOBS_SENT)--> gone
 *
 * A report is not copied: its row names the job, and what is read here is the job's stored report.
 *
 * Room     schema/store. Has never heard of librdkafka.
 * Owns     what outbox_read() returns, until outbox_batch_clear().
 * Threads  any; the listener is called on the table's writer thread and must not block.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct jobs;
struct submission;

/* Where in Kafka a message was read. Borrowed wherever it is handed over. */
struct outbox_origin {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t sent_ms;     /* what the message says of its time; -1: nothing */
    int64_t digest;      /* of its key and value; 0: not known */
    const void *headers; /* packed (the bridge knows how); go out with its report; NULL: none */
    size_t headers_len;
};

enum outbox_kind {
    OUTBOX_REPORT,     /* of a job; payload is its stored report, for report_render() */
    OUTBOX_REFUSAL,    /* the report of a message that made no job; payload is a stored report */
    OUTBOX_DEAD_LETTER /* a message as it came, byte for byte, for the dead-letter topic */
};

/* A row to be written: for JOBS_REFUSE. All borrowed. */
struct outbox_dead_letter {
    enum outbox_kind kind; /* REFUSAL or DEAD_LETTER */
    const void *key;       /* NULL: none */
    size_t key_len;
    const void *payload; /* NULL: a tombstone */
    size_t payload_len;
    const char *reason; /* DEAD_LETTER: for the header scrc-reason */
};

/* A row as read. All owned by the batch. */
struct outbox_item {
    int64_t number; /* rising, never used twice in the life of the table */
    enum outbox_kind kind;
    int64_t seq; /* REPORT: the job's; else 0 */
    char *key;   /* REPORT: the id that the report and its key carry on the topic; NULL: none */
    size_t key_len;
    char *payload; /* NUL-terminated beyond payload_len; NULL: none */
    size_t payload_len;
    char *reason; /* DEAD_LETTER: why; else NULL */
    char *topic;  /* where the message was read that asked for it; NULL: not in Kafka */
    int32_t partition;
    int64_t offset;
    int64_t sent_ms; /* of that message; -1: none */
    int64_t digest;  /* of that message; 0: not known */
    char *headers;   /* of that message, packed; NULL: none */
    size_t headers_len;
    struct submission
        *submission; /* REPORT: lends report_render() the tests' texts; NULL: expired */
};

struct outbox_batch {
    struct outbox_item *items;
    size_t len;
    int64_t last; /* the last row that was taken or passed by; else that of the question */
    bool more;    /* a row was there that might have been taken */
};

enum outbox_choice {
    OUTBOX_TAKE,
    OUTBOX_PASS, /* not this one */
    OUTBOX_END   /* neither this one nor any behind it */
};

struct outbox_question {
    int64_t after;    /* rows with a larger number, lowest first */
    size_t max_rows;  /* taken or passed by */
    size_t max_bytes; /* no more rows once payloads and texts lent pass it; at least one */
    /* Asked before anything of a row is read: a report and its texts may be megabytes. Called while
     * a reader is held: must not call jobs_* functions. NULL: all are taken. */
    enum outbox_choice (*choose)(void *ctx, int64_t number, enum outbox_kind kind);
    void *ctx;
};

/* Release with outbox_batch_clear(). */
NODISCARD int outbox_read(struct jobs *j, const struct outbox_question *question,
                          struct outbox_batch *ret_batch, struct err *e);
void outbox_batch_clear(struct outbox_batch *b);

/* What is still to be said about a message: with seq > 0 the report of that row, with 0 its dead
 * letter and its refusal. */
enum outbox_state {
    OUTBOX_PENDING,   /* the row is not final, or something is not acknowledged yet */
    OUTBOX_PUBLISHED, /* nothing more */
    OUTBOX_RETURNED   /* the row went back to Kafka */
};
NODISCARD int outbox_state(struct jobs *j, const struct outbox_origin *o, int64_t seq,
                           enum outbox_state *ret_state, struct err *e);

/* Rows in it, and when the oldest was put in (ms since 1970; 0: empty). From memory. */
void outbox_counts(struct jobs *j, int64_t *ret_rows, int64_t *ret_oldest_ms);

/* Submissions that came from Kafka and whose report is not acknowledged: they wait, run, or their
 * report is here. From the table; counts what waits one by one. */
NODISCARD int outbox_unreported(struct jobs *j, int64_t *ret_submissions, struct err *e);

#define OUTBOX_KIND_BIT(kind) (1U << (kind))

/* Called after each commit that put rows in, with the bits of their kinds (that of reports
 * always). Added before traffic starts; one listener. */
typedef void outbox_listener_fn(void *ctx, unsigned kinds);
void outbox_listen(struct jobs *j, outbox_listener_fn *fn, void *ctx);

/* ---- when rows may have been on their way: what a start must look for on the topics ---- */

/* Says that something is being sent. Costs next to nothing: what is written, at most once a minute,
 * is the time of the lock's file. */
void outbox_stamp(struct jobs *j);

/* When the servers before this one said so at last, or began; a minute more at most. 0: not known.
 * Nothing of theirs was sent later. */
int64_t outbox_stamped_ms(struct jobs *j);

/* ---- watermarks: from where the results topic must be scanned for rows sent before a death ----
 */

struct outbox_watermark {
    char *topic; /* owned where read, borrowed for JOBS_WATERMARKS */
    int32_t partition;
    int64_t offset; /* no row that is still here was sent below it */
};

/* Caller frees each topic and the array. */
NODISCARD int outbox_watermarks(struct jobs *j, struct outbox_watermark **ret_marks,
                                size_t *ret_len, struct err *e);
