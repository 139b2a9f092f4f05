/* schema/jobs_internal.h - what the files of the job table share. Nobody else includes
 * it, but for tests of what a read costs.
 *
 *     jobs.c            life cycle, listeners, counts
 *     jobs_open.c       directory, lock, migrations, what a dead server left behind
 *     jobs_writer.c     the one writer thread: groups of operations, one commit each
 *     jobs_ops.c        what each operation does inside a group's transaction: a job's life
 *     jobs_accept.c     ... a new submission
 *     jobs_intake.c     ... which messages of Kafka were taken already
 *     jobs_outbox.c     ... what Kafka must be told
 *     jobs_blank.c      the report of a submission that got no verdict
 *     jobs_retention.c  texts and reports of old rows
 *     jobs_read.c       reader connections; status, submission, report
 *     jobs_list.c       GET /results
 *     jobs_item.c       a row as one of its items; what changed since
 *
 * Threads  each part of struct jobs says who may touch it. Never two of its locks at once.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/buf.h"
#include "schema/db.h"
#include "schema/jobs.h"
#include "schema/seqset.h"
#include "schema/text.h"

#define JOBS_GROUP_OPS     1024 /* operations in one transaction */
#define JOBS_GROUP_BYTES   (8 * MIB)
#define JOBS_READERS       4
#define JOBS_LISTENERS_MAX 8
#define JOBS_RESERVE       (64 * MIB)
#define JOBS_REPORT_MAX    (900 * MIB) /* SQLite takes 10^9 bytes */
#define JOBS_SQL(query)    static const char query[]

/* The operation itself is refused; the transaction goes on. */
#define JOBS_REFUSED(op, ...) ((op)->result = err_set(&(op)->err, __VA_ARGS__), 0)

/* What one transaction will have changed, told once it is committed. */
struct jobs_group {
    struct jobs_change changes[JOBS_GROUP_OPS];
    size_t id_at[JOBS_GROUP_OPS]; /* changes[i].id within ids, which moves as it grows; its
                                     language is behind it */
    size_t len;
    struct buf ids;
    int64_t moved[JOB_STATE_COUNT]; /* rows that entered a state, minus those that left it */
    int64_t late_reports;
    int64_t told, sent; /* rows that came into the outbox, and that left it */
    unsigned letters;   /* bits of the kinds of those that came, beside reports */
    int64_t operations;
    char low_disk[200]; /* why nothing may be accepted; "" when it may */
};

struct jobs {
    /* Fixed after jobs_open(). */
    char *dir, *instance; /* owned */
    int64_t max_queued, retention_ms, reserve_bytes, report_max;
    bool publish_all;
    char table_id[TEXT_ID_SIZE];
    int lock_fd;
    int64_t stamped_ms; /* the time of the lock's file as those before left it; 0: they did not */
    pthread_t writer;
    bool writer_runs;

    /* The sending thread's own. */
    atomic_llong stamp_ms;

    /* The writer thread's own (until it runs: jobs_open's). */
    struct db *db;
    struct jobs_group group;
    int64_t upkeep_ns;  /* when retention looks again */
    int64_t oldest_seq; /* whose submitted_ms is counts.oldest_queued_ms */
    int64_t seq_floor;  /* the largest that was deleted: none is used twice; 0: none was */
    int64_t change;     /* the last one; the next row to change is written with change + 1 */
    struct jobs_stream {
        char *topic; /* owned */
        int32_t partition;
        int64_t number, next; /* no message at `next` or beyond was taken yet */
    } * streams;              /* owned */
    size_t streams_len, stream_last;
    struct {
        int64_t finished_ms, seq;
    } passed; /* how far retention has looked */

    /* Guarded by lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct jobs_op *head, **tail;
    bool stop;
    struct {
        jobs_listener_fn *fn;
        void *ctx;
    } listeners[JOBS_LISTENERS_MAX];
    size_t listeners_len;
    struct {
        outbox_listener_fn *fn; /* NULL: nobody */
        void *ctx;
    } outbox_listener;

    /* Guarded by memory_lock; only the writer changes them, so it reads without. */
    pthread_mutex_t memory_lock;
    struct jobs_counts counts;
    int64_t outbox_rows, outbox_oldest_ms;
    struct seqset queued;

    /* Guarded by readers_lock: the idle ones. */
    pthread_mutex_t readers_lock;
    pthread_cond_t reader_back;
    struct db *readers[JOBS_READERS]; /* owned */
    size_t readers_len;
};

/* jobs_open.c. Both belong to jobs_open(), before the writer runs. */
NODISCARD int jobs_lock_dir(struct jobs *j, const struct jobs_config *c, struct err *e);
NODISCARD int jobs_open_table(struct jobs *j, struct err *e);

/* jobs_writer.c */
NODISCARD int jobs_writer_start(struct jobs *j, struct err *e);
void jobs_writer_stop(struct jobs *j);

/* jobs_ops.c. -1 with *e filled only when the transaction is lost; what is wrong with the operation
 * itself goes to op->result and op->err. */
NODISCARD int jobs_apply(struct jobs *j, struct jobs_op *op, struct err *e);

/* A row about to become final. Every report goes through here, so that what is told to the world
 * is written in the transaction that makes the row final. */
struct jobs_final {
    int64_t seq;
    enum job_state state;
    const struct report *report;
    const char *json; /* its stored form */
    size_t json_len;
    int64_t change;
    bool unreadable; /* of jobs_finish_blank(): what was submitted is not looked at */
};
/* 1: its report went into the outbox; 0: nobody wants it there; -1. */
NODISCARD int jobs_finish_row(struct db *d, const struct jobs_final *f, struct err *e);

/* What a group has changed for the listeners: a row went from one state (-1: a new row) to
 * another. Numbers the change; id and language are borrowed for the call. */
NODISCARD int jobs_note(struct jobs *j, const struct jobs_change *c, int from, struct err *e);

/* jobs_accept.c: as jobs_apply(). */
NODISCARD int jobs_accept(struct jobs *j, struct jobs_op *op, struct err *e);

/* jobs_intake.c: 1 when a message was taken before, with the row it belongs to (0: none); 0; -1. */
NODISCARD int jobs_intake_find(struct jobs *j, const struct outbox_origin *o, int64_t *ret_seq,
                               struct err *e);
/* The number of the origin's partition: 1, 0 when nothing was ever taken from it, -1. */
NODISCARD int jobs_intake_known(struct jobs *j, const struct outbox_origin *o, int64_t *ret_number,
                                struct err *e);
/* The number of the origin's partition, made when it is new. */
NODISCARD int jobs_intake_stream(struct jobs *j, const struct outbox_origin *o, int64_t *ret_number,
                                 struct err *e);
/* seq 0: it made no row. */
NODISCARD int jobs_intake_put(struct jobs *j, const struct outbox_origin *o, int64_t seq,
                              struct err *e);
/* What memory knows may be of a transaction that was lost. */
void jobs_intake_forget(struct jobs *j);

/* jobs_return.c: as jobs_apply(). */
NODISCARD int jobs_return(struct jobs *j, struct jobs_op *op, struct err *e);

/* jobs_retention.c: the texts, the report and the headers of a row go. */
NODISCARD int jobs_delete_texts(struct db *d, int64_t seq, struct err *e);

/* jobs_outbox.c: as jobs_apply(). */
NODISCARD int jobs_refuse(struct jobs *j, struct jobs_op *op, struct err *e);
NODISCARD int jobs_publish(struct jobs *j, struct jobs_op *op, struct err *e);
NODISCARD int jobs_sent(struct jobs *j, struct jobs_op *op, struct err *e);
NODISCARD int jobs_keep_watermarks(struct jobs *j, struct jobs_op *op, struct err *e);
/* The report of a row that has just become final: 1 put in, 0 nobody wants it, -1. */
NODISCARD int jobs_outbox_final(struct db *d, int64_t seq, struct err *e);
/* The report of a row that was sent again: now if it is final, else when it will be. */
NODISCARD int jobs_outbox_again(struct jobs *j, int64_t seq, enum job_state state,
                                const struct outbox_origin *o, struct err *e);
/* The headers of the message that made row seq, until it expires. */
NODISCARD int jobs_outbox_keep_headers(struct db *d, int64_t seq, const struct outbox_origin *o,
                                       struct err *e);
/* The counts: at start, and after each group. */
NODISCARD int jobs_outbox_load(struct jobs *j, struct err *e);
void jobs_outbox_remember(struct jobs *j);

/* jobs_blank.c: makes a row final with a report of "-" and `error`, which it makes itself. Within a
 * transaction. Returns as jobs_finish_row(). */
NODISCARD int jobs_finish_blank(struct db *d, const struct jobs_final *row, const char *error,
                                struct err *e);

/* jobs_retention.c: one slice, a transaction of its own. *ret_more: there is more to do. */
NODISCARD int jobs_expire(struct jobs *j, bool *ret_more, struct err *e);

/* jobs_read.c */
NODISCARD int jobs_readers_open(struct jobs *j, const char *path, struct err *e);
void jobs_readers_close(struct jobs *j);
/* Waits while all are in use. What is read with it has 10 s, then ERR_TIMEOUT. Give back with
 * jobs_reader_give(). */
struct db *jobs_reader_take(struct jobs *j);
void jobs_reader_give(struct jobs *j, struct db *d);
/* What the query (a JOBS_SQL whose one parameter is seq) finds of a row; db_done() it. NULL with *e
 * filled: ERR_NOT_FOUND when there is none. */
struct db_stmt *jobs_row(struct db *d, const char *query, int64_t seq, struct err *e);
/* A submission's stored form to the submission. with_texts false leaves large texts empty. */
NODISCARD int jobs_load_submission(struct db *d, int64_t seq, bool with_texts,
                                   struct submission **ret_submission, struct err *e);

/* jobs_item.c: the columns of a row as jobs_item_row() reads them, all of table job. New reference;
 * NULL out of memory. */
enum jobs_column {
    JOBS_ID,
    JOBS_STATE,
    JOBS_VERDICT,
    JOBS_LANGUAGE,
    JOBS_SUBMITTED,
    JOBS_FINISHED,
    JOBS_DURATION,
    JOBS_CPU,
    JOBS_MEMORY,
    JOBS_TOTAL,
    JOBS_PASSED,
    JOBS_ERROR,
    JOBS_SEQ,
    JOBS_CHANGE
};
#define JOBS_COLUMNS                                                                               \
    "id, state, verdict, language, submitted_ms, finished_ms, duration_ms, cpu_time_ms,"           \
    " memory_bytes, tests_total, tests_passed, error, seq, change"
json_t *jobs_item_row(struct db_stmt *s, enum status_set set);
