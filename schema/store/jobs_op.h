/* schema/store/jobs_op.h - the operations on a job. They wait in a queue, and many are committed
 * together.
 *
 *     accept and claim    a submission is accepted; a worker claims it, and begins it
 *     finish              it is finished with a report, requeued, or cancelled
 *     for Kafka           messages that were read, reports that were published
 *
 * Room     schema/store.
 * Owns     nothing; the caller owns an operation and all it points to until done() was called.
 * Threads  any. done() is called on the writer thread and must not block.
 * Errors   in the operation: `result` and `err`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/err.h"
#include "schema/model/submission.h"
#include "schema/store/job_state.h"

struct jobs;
struct jobs_op;
struct outbox_dead_letter;
struct outbox_origin;
struct outbox_watermark;
struct report;

/* ---- accept and claim ---- */

/* JOBS_ACCEPT. ERR_CONFLICT, ERR_QUEUE_FULL, ERR_DISK. A known id with the same hash succeeds with
 * `existing` true. submission->id NULL: the row gets a random id. */
struct jobs_accept_op {
    const struct submission *submission;    /* borrowed */
    const struct submission_packed *packed; /* borrowed */
    /* Where the message was read in Kafka; NULL: it came over HTTP. A known origin is a replay:
     * nothing is stored. A known id at a new origin: the report is published (again), now or when
     * the row is final. */
    const struct outbox_origin *origin; /* borrowed */
    /* The id to use if the message has none (submission->id NULL). It cannot conflict: if it is in
     * use, the row's id is "<derived>@<partition>:<offset>", and the published report still has
     * the id `derived`. Borrowed; NULL: none. */
    const char *derived;
    const char *owner; /* on whose behalf it was sent; borrowed; NULL: not known */
    bool replay;       /* out */
    bool existing;     /* out */
    bool fresh;        /* out; it was stored, and is surely not final yet when done() is called */
    enum job_state state;           /* out */
    int64_t seq, submitted_ms;      /* out */
    int64_t rank, position;         /* out; position from 1, 0 when not queued */
    char id[SUBMISSION_ID_MAX + 1]; /* out */
};

#define JOB_ATTEMPTS_MAX 3 /* attempts that may end with a fault of the submission's cell */

/* JOBS_CLAIM. Claims the first queued row in one of the languages; seq 0: there is none. The row is
 * running from now on. ahead: it stays queued, for clients too, until JOBS_BEGIN. */
struct jobs_claim_op {
    const char *const *languages; /* borrowed; NULL-terminated */
    bool ahead;
    /* NULL, or called on the writer thread just before the commit, if the row was accepted in the
     * same transaction, by a table in a file: json is its packed form, which is whole (no blobs),
     * borrowed for the call. So the row can be judged while it is being committed. If the commit
     * fails, or done() comes with another claim, whatever is stored under this one is refused:
     * ERR_NOT_FOUND or ERR_FINAL. Must not block. */
    void (*before_commit)(struct jobs_op *op, const char *json, size_t len);
    int64_t seq;                    /* out */
    int64_t claim;                  /* out; a random number that identifies this claim */
    int64_t submitted_ms;           /* out */
    int64_t attempts;               /* out; includes this one, so at least 1 */
    int64_t host_faults;            /* out; how often the host failed while it was judged */
    char id[SUBMISSION_ID_MAX + 1]; /* out */
};

/* JOBS_BEGIN. A row that was claimed ahead is running from now on. ERR_FINAL: it is final, was
 * begun already, or was claimed again. */
struct jobs_begin_op {
    int64_t seq, claim;
};

/* ---- finish ---- */

/* JOBS_FINISH. Stores the report and its outbox row, once. ERR_FINAL: the row is already final, is
 * no longer claimed, or was claimed again; the report is dropped and counted as late. Without a
 * report the table writes one with verdict "-", `error` and no tests, so that a row whose
 * submission cannot be read can be finished. */
struct jobs_finish_op {
    int64_t seq, claim;
    const struct report *report; /* borrowed; NULL: none */
    const char *error;           /* borrowed; only without a report */
    char *json;                  /* used by the table: the stored form of the report */
    size_t json_len;
};

/* Why a claim ends without a report. Each kind has a counter of its own in the row, because each
 * has a bound of its own; the death of a server (JOB_RESTARTS_MAX) is found by another one. */
enum jobs_release {
    JOBS_GIVEN_BACK, /* the row had no part in it: counts nothing */
    JOBS_CELL_FAULT, /* its cell broke: `attempts` counts this one, up to JOB_ATTEMPTS_MAX */
    JOBS_HOST_FAULT  /* the host failed while it was judged: counts in `host_faults` */
};

/* JOBS_REQUEUE. RUNNING -> QUEUED, with its old rank; or ends a claim ahead. ERR_FINAL: it is
 * final, or was claimed again. */
struct jobs_requeue_op {
    int64_t seq, claim;
    enum jobs_release why;
};

/* JOBS_CANCEL. ERR_NOT_FOUND, ERR_FINAL. The table writes the report, with error "cancelled".
 * Whoever judges the row, or is about to, hears of it as a listener (jobs_change.claim). */
struct jobs_cancel_op {
    const char *id; /* borrowed */
    int64_t claim;  /* out; that it has ended; 0: none */
    int64_t seq;    /* out */
};

/* ---- for Kafka: outbox.h ---- */

/* JOBS_REFUSE. A message that is no submission: its dead letter and its report go to the outbox. A
 * known origin stores nothing. An OUTBOX_REFUSAL whose key is the id of a job is left out. */
struct jobs_refuse_op {
    const struct outbox_origin *origin;    /* borrowed */
    const struct outbox_dead_letter *rows; /* borrowed */
    size_t rows_len;
    bool replay; /* out */
};

/* JOBS_PUBLISH. Publishes a stored report again. ERR_NOT_FOUND: no such id, or expired; ERR_INPUT:
 * not final yet. */
struct jobs_publish_op {
    const char *id; /* borrowed */
};

/* JOBS_SENT. Kafka has acknowledged these rows of the outbox; deletes them. */
struct jobs_sent_op {
    const int64_t *numbers; /* borrowed */
    size_t len;
};

#define JOBS_RETURN_ROWS 500

/* JOBS_RETURN. Returns queued rows of a partition to Kafka: deletes at most JOBS_RETURN_ROWS of
 * those read at offset `from` or later, as if they had never been read. Their ids are free again,
 * and the same messages are new when they are read again. Only for messages whose offsets are not
 * committed. The bound keeps the writer free for others: repeat the operation while rows is
 * JOBS_RETURN_ROWS. */
struct jobs_return_op {
    const char *topic; /* borrowed */
    int32_t partition;
    int64_t from;
    int64_t rows; /* out; how many were deleted */
};

/* JOBS_WATERMARKS. Must be committed before the first row of a batch is sent. */
struct jobs_watermarks_op {
    const struct outbox_watermark *marks; /* borrowed; each replaces its partition's older one */
    size_t len;
};

/* ---- one operation ---- */

enum jobs_op_kind {
    JOBS_ACCEPT,
    JOBS_CLAIM,
    JOBS_BEGIN,
    JOBS_FINISH,
    JOBS_REQUEUE,
    JOBS_CANCEL,
    JOBS_REFUSE,
    JOBS_PUBLISH,
    JOBS_SENT,
    JOBS_RETURN,
    JOBS_WATERMARKS
};

/* The caller owns it and all it points to until done() was called. `result` is 0, or -1 with `err`
 * filled; valid in and after done(), which may free the op. */
struct jobs_op {
    enum jobs_op_kind kind;
    void (*done)(struct jobs_op *op); /* on the writer thread, after the commit or the failure */
    void *ctx;                        /* the caller's */
    int result;
    struct err err;
    struct jobs_op *next; /* used by the table from jobs_put() until done() */

    union {
        struct jobs_accept_op accept;
        struct jobs_claim_op claim;
        struct jobs_begin_op begin;
        struct jobs_finish_op finish;
        struct jobs_requeue_op requeue;
        struct jobs_cancel_op cancel;
        struct jobs_refuse_op refuse;
        struct jobs_publish_op publish;
        struct jobs_sent_op sent;
        struct jobs_return_op return_rows;
        struct jobs_watermarks_op watermarks;
    } u;
};

/* Queues the op for the writer and returns without waiting. */
void jobs_put(struct jobs *j, struct jobs_op *op);

/* The same, but waits for the commit and returns op->result, with *e filled on -1. op->done is
 * ignored. Must not be called from callbacks. */
NODISCARD int jobs_do(struct jobs *j, struct jobs_op *op, struct err *e);

/* ---- claims in the transaction that queues rows ---- */

/* Called on the writer thread, in a transaction that queued so many rows. Returns at most so many
 * JOBS_CLAIMs, linked by `next`, or NULL: they are applied in this transaction, as if jobs_put()
 * had been called just before it. So a claim costs no commit of its own. Must not block. */
typedef struct jobs_op *jobs_claimer_fn(void *ctx, int64_t rows);
/* To be called once, before traffic starts. */
void jobs_claim_with(struct jobs *j, jobs_claimer_fn *fn, void *ctx);
