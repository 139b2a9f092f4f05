/* schema/store/jobs_op.h - what may be done to a job. Operations queue up and are committed
 * together.
 *
 *     accept and claim    a submission comes in, a worker takes it
 *     finish              it ends with a report; or goes back to the queue; or is cancelled
 *     for Kafka           what comes from there, and what has gone there
 *
 * Room     schema/store.
 * Owns     nothing; the caller owns an operation and all it points at until done() has been called.
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
struct outbox_dead_letter;
struct outbox_origin;
struct outbox_watermark;
struct report;

/* ---- accept and claim ---- */

/* JOBS_ACCEPT. ERR_CONFLICT, ERR_QUEUE_FULL, ERR_DISK. The same id with the same hash succeeds with
 * `existing` true. id NULL: a random one is made. */
struct jobs_accept_op {
    const struct submission *submission;    /* borrowed */
    const struct submission_packed *packed; /* borrowed */
    /* From Kafka; NULL: over HTTP. An origin that was seen before is a replay: nothing is stored. A
     * known id at a new origin has its report published once (more), now or when it is final. */
    const struct outbox_origin *origin; /* borrowed */
    /* Where the message has no id of its own (submission->id NULL): what stands for it. Never a
     * conflict: the row's id is "<derived>@<partition>:<offset>" when it is taken, and the report
     * still carries `derived` on the topic. Borrowed; NULL: none. */
    const char *derived;
    bool replay;                         /* out */
    bool existing;                       /* out */
    enum job_state state;                /* out */
    int64_t seq, position, submitted_ms; /* out; position from 1, 0 when not queued */
    char id[SUBMISSION_ID_MAX + 1];      /* out */
};

#define JOB_ATTEMPTS_MAX 3 /* faults of the submission's own cell */

/* JOBS_CLAIM. The oldest queued row whose language is listed; seq 0 when there is none. */
struct jobs_claim_op {
    const char *const *languages;   /* borrowed; NULL-terminated */
    int64_t seq;                    /* out */
    int64_t claim;                  /* out; a random number: this claim and never another */
    int64_t submitted_ms;           /* out */
    int64_t attempts;               /* out; counts this one, from 1 */
    char id[SUBMISSION_ID_MAX + 1]; /* out */
};

/* ---- finish ---- */

/* JOBS_FINISH. Writes the report and its outbox rows once. ERR_FINAL when the row is final already,
 * not running any more, or claimed anew meanwhile: the report is dropped and counted. Without a
 * report the table makes one of "-" and `error`, which names no tests: so a row can end whose
 * submission cannot be read. */
struct jobs_finish_op {
    int64_t seq, claim;
    const struct report *report; /* borrowed; NULL: none */
    const char *error;           /* borrowed; only without a report */
    char *json;                  /* the table's own: the report's stored form */
    size_t json_len;
};

/* JOBS_REQUEUE. RUNNING -> QUEUED at its old place. spend: the attempt counts (our cell broke);
 * otherwise it is as if it had never been claimed. ERR_FINAL when it is final, or claimed anew. */
struct jobs_requeue_op {
    int64_t seq, claim;
    bool count_attempt;
};

/* JOBS_CANCEL. ERR_NOT_FOUND, ERR_FINAL. Writes the "cancelled" report itself; `was_running` tells
 * the caller to stop the cell. */
struct jobs_cancel_op {
    const char *id;   /* borrowed */
    bool was_running; /* out */
    int64_t seq;      /* out */
};

/* ---- for Kafka: outbox.h ---- */

/* JOBS_REFUSE: a message that makes no job; its dead letter, its report. A seen origin stores
 * nothing again; a REFUSAL whose key is the id of a row is left out. */
struct jobs_refuse_op {
    const struct outbox_origin *origin;    /* borrowed */
    const struct outbox_dead_letter *rows; /* borrowed */
    size_t rows_len;
    bool replay; /* out */
};

/* JOBS_PUBLISH: a stored report once more. ERR_NOT_FOUND; ERR_INPUT while it is not final;
 * ERR_NOT_FOUND when it has expired. */
struct jobs_publish_op {
    const char *id; /* borrowed */
};

/* JOBS_SENT: acknowledged; rows of the outbox go. */
struct jobs_sent_op {
    const int64_t *numbers; /* borrowed */
    size_t len;
};

#define JOBS_RETURN_ROWS 500

/* JOBS_RETURN: what was not begun of a partition goes back to Kafka. Deletes at most
 * JOBS_RETURN_ROWS of the queued rows that were taken from this partition, at the offset `from` or
 * behind it, as if they had never been read: their ids are free, and the same messages are new ones
 * when they come again. For messages whose offsets are not committed. Nobody waits long for the
 * writer, so whoever has more to give back asks again. */
struct jobs_return_op {
    const char *topic; /* borrowed */
    int32_t partition;
    int64_t from;
    int64_t rows; /* out: how many */
};

/* JOBS_WATERMARKS: before the first of a batch is sent. */
struct jobs_watermarks_op {
    const struct outbox_watermark *marks; /* borrowed; replace those of their partitions */
    size_t len;
};

/* ---- one operation ---- */

enum jobs_op_kind {
    JOBS_ACCEPT,
    JOBS_CLAIM,
    JOBS_FINISH,
    JOBS_REQUEUE,
    JOBS_CANCEL,
    JOBS_REFUSE,
    JOBS_PUBLISH,
    JOBS_SENT,
    JOBS_RETURN,
    JOBS_WATERMARKS
};

/* The caller owns it and all it points at until done() has been called. `result` is 0 or -1 with
 * `err` filled, valid once committed. done may free the op. */
struct jobs_op {
    enum jobs_op_kind kind;
    void (*done)(struct jobs_op *op); /* on the writer thread, after the commit or the failure */
    void *ctx;                        /* the caller's */
    int result;
    struct err err;
    struct jobs_op *next; /* the table's own, from jobs_put() to done() */

    union {
        struct jobs_accept_op accept;
        struct jobs_claim_op claim;
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

/* Hands the op to the writer and returns at once. */
void jobs_put(struct jobs *j, struct jobs_op *op);

/* The same, and waits for the commit. Returns op->result with *e filled. op->done is ignored. Not
 * for callbacks. */
NODISCARD int jobs_do(struct jobs *j, struct jobs_op *op, struct err *e);
