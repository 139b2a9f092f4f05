/* schema/store/outbox.h - what is still to be published to Kafka: reports, refusals, dead letters.
 *
 *     a job becomes final, a message is refused, a report is to be published again
 *         --> a row in the outbox, in the same transaction --sent, acknowledged (JOBS_SENT)-->
 *         deleted
 *
 * A report is not copied: its row names the job, and outbox_read() reads the job's stored report.
 *
 * Room     schema/store. Does not know librdkafka.
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

/* Where in Kafka a message was read. Functions borrow it for the call. */
struct outbox_origin {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t sent_ms;     /* the message's timestamp; -1: none */
    int64_t digest;      /* of its key and value; 0: not known */
    const void *headers; /* packed by the bridge; published with its report; NULL: none */
    size_t headers_len;
};

enum outbox_kind {
    OUTBOX_REPORT,     /* of a job; payload is its stored report, for report_render() */
    OUTBOX_REFUSAL,    /* the report of a message that is no job; payload is a stored report */
    OUTBOX_DEAD_LETTER /* a message as it was read, byte for byte, for the dead-letter topic */
};

/* A row to be written by JOBS_REFUSE. All borrowed. */
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
    int64_t number; /* rises; never used twice in the life of the table */
    enum outbox_kind kind;
    int64_t seq; /* REPORT: the job's; else 0 */
    char *key;   /* REPORT: the published id, which is also the message's key; NULL: none */
    size_t key_len;
    char *payload; /* NUL-terminated beyond payload_len; NULL: none */
    size_t payload_len;
    char *reason; /* DEAD_LETTER: why; else NULL */
    char *topic;  /* of the message that this answers; NULL: it did not come from Kafka */
    int32_t partition;
    int64_t offset;
    int64_t sent_ms; /* of that message; -1: none */
    int64_t digest;  /* of that message; 0: not known */
    char *headers;   /* of that message, packed; NULL: none */
    size_t headers_len;
    struct submission *submission; /* REPORT: for report_render(); NULL: expired */
};

struct outbox_batch {
    struct outbox_item *items;
    size_t len;
    int64_t last; /* the last row that was taken or skipped; else question.after */
    bool more;    /* there was at least one row, taken or not */
};

enum outbox_choice {
    OUTBOX_TAKE,
    OUTBOX_PASS, /* skip this row */
    OUTBOX_END   /* stop before this row */
};

struct outbox_question {
    int64_t after;    /* read rows with a larger number, lowest first */
    size_t max_rows;  /* taken or skipped */
    size_t max_bytes; /* stop once payloads and submissions are larger; at least one row is read */
    /* Called before the contents of a row are read, which may be megabytes. The caller holds a
     * reader: it must not call jobs_* functions. NULL: take all. */
    enum outbox_choice (*choose)(void *ctx, int64_t number, enum outbox_kind kind);
    void *ctx;
};

/* Release with outbox_batch_clear(). */
NODISCARD int outbox_read(struct jobs *j, const struct outbox_question *question,
                          struct outbox_batch *ret_batch, struct err *e);
void outbox_batch_clear(struct outbox_batch *b);

/* Whether all that belongs to a message has been published: with seq > 0 the report of that row,
 * with 0 its dead letter and its refusal. */
enum outbox_state {
    OUTBOX_PENDING,   /* the row is not final, or Kafka has not acknowledged all of it */
    OUTBOX_PUBLISHED, /* all of it */
    OUTBOX_RETURNED   /* the row was returned to Kafka */
};
NODISCARD int outbox_state(struct jobs *j, const struct outbox_origin *o, int64_t seq,
                           enum outbox_state *ret_state, struct err *e);

/* Whether this server publishes the rows: always with a table of its own; of the servers that share
 * one, one at a time. When that changes the listener is called. From memory. */
bool outbox_is_ours(struct jobs *j);

/* The number of rows, and when the oldest was added (ms since 1970; 0: empty). From memory. */
void outbox_counts(struct jobs *j, int64_t *ret_rows, int64_t *ret_oldest_ms);

/* Submissions from Kafka whose report is not acknowledged: queued, running, or with a row in the
 * outbox. Reads the table; its cost rises with their number. */
NODISCARD int outbox_unreported(struct jobs *j, int64_t *ret_submissions, struct err *e);

#define OUTBOX_KIND_BIT(kind) (1U << (kind))
#define OUTBOX_KINDS          (2 * OUTBOX_KIND_BIT(OUTBOX_DEAD_LETTER) - 1)
#define OUTBOX_ANY_KIND       (~0U)

/* Called after each commit that added rows, with OUTBOX_KIND_BITs of their kinds (that of
 * OUTBOX_REPORT is always set). One listener, set before traffic starts. */
typedef void outbox_listener_fn(void *ctx, unsigned kinds);
void outbox_listen(struct jobs *j, outbox_listener_fn *fn, void *ctx);

/* ---- when rows may have been sent: how far back a start must search the topics ---- */

/* Records that rows are being sent: sets the time of the lock's file, at most once a minute. Any
 * thread. */
void outbox_stamp(struct jobs *j);

/* When an earlier server on this table sent rows or started for the last time (ms since 1970), and
 * up to a minute later; it sent nothing after that. 0: not known, as always of a shared table. */
int64_t outbox_stamped_ms(struct jobs *j);

/* ---- watermarks: where to start searching the results topic for rows that were sent ---- */

struct outbox_watermark {
    char *topic; /* owned where read, borrowed for JOBS_WATERMARKS */
    int32_t partition;
    int64_t offset; /* no row that is still in the outbox was sent at a lower offset */
};

/* Caller frees each topic and the array. */
NODISCARD int outbox_watermarks(struct jobs *j, struct outbox_watermark **ret_marks,
                                size_t *ret_len, struct err *e);
