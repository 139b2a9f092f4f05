/* schema/store/jobs_table.h - the job table as its own files see it, and the ground they share: its
 * struct, rows looked up, changes numbered. Nobody else includes it, but for tests of what a read
 * costs.
 *
 *     jobs_open         start and end
 *     jobs_lock         the directory, and who has it
 *     jobs_migrate      from an older form to this one
 *     jobs_recover      what a dead server left behind
 *     jobs_writer       the one writer thread: groups of operations, one commit each
 *     jobs_apply        which operation is done where, inside a group's transaction:
 *     jobs_accept       ... a new submission
 *     jobs_claim        ... a row is taken, or given back
 *     jobs_finish       ... a row ends, also without a verdict
 *     jobs_intake       ... which messages of Kafka were taken already
 *     jobs_return       ... which go back there
 *     jobs_outbox       ... what Kafka must be told
 *     jobs_retention    texts and reports of old rows
 *     jobs_readers      connections that only read
 *     jobs_read         status, submission, report
 *     jobs_list         GET /results
 *     jobs_filter       ... which rows it wants, and where they are found
 *     jobs_item         a row as one of its items; what changed since
 *     jobs_history         what became of the rows of the last time
 *
 * SQLite, WAL, synchronous=FULL. One writer thread commits many operations in one transaction;
 * readers have connections of their own.
 *
 * Room     schema/store, the job table's own. Knows none of the files above.
 * Owns     DATA_DIR/scrc.db and its lock (flock on DATA_DIR/lock).
 * Threads  each part of struct jobs says who may touch it. Never two of its locks at once.
 * Errors   0, or -1 with *e filled. Of what runs inside a group's transaction, -1 says that the
 *          transaction is lost; what is wrong with an operation itself goes into the operation.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/rankset.h"
#include "schema/base/text.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_readers.h"

#define JOBS_GROUP_OPS     1024 /* operations in one transaction */
#define JOBS_LISTENERS_MAX 8
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
    int64_t revision;   /* the last one; the next row to change is written with change + 1 */
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
        void (*fn)(void *ctx, unsigned kinds); /* outbox_listener_fn; NULL: nobody */
        void *ctx;
    } outbox_listener;

    /* Guarded by memory_lock; only the writer changes them, so it reads without. */
    pthread_mutex_t memory_lock;
    struct jobs_counts counts;
    int64_t outbox_rows, outbox_oldest_ms;
    struct rankset queued;

    struct jobs_readers readers; /* with a lock of its own */
};

/* ---- within the transaction of a group, on the writer thread ---- */

/* What a group has changed for the listeners: a row went from one state (-1: a new row) to
 * another. Numbers the change; id and language are borrowed for the call. */
NODISCARD int jobs_note(struct jobs *j, const struct jobs_change *c, int from, struct err *e);

/* What an operation has to know of its row. */
struct jobs_found {
    int64_t seq, submitted_ms, claim; /* claim 0: none */
    enum job_state state;
    char id[SUBMISSION_ID_MAX + 1], language[64];
};
/* 1 found, 0 not, -1. By its id, or by its number where id is NULL. */
NODISCARD int jobs_find(struct jobs *j, const char *id, int64_t seq, struct jobs_found *ret_row,
                        struct err *e);
/* The row in a new state, for jobs_note(). Borrows the row. */
struct jobs_change jobs_found_in(const struct jobs_found *row, enum job_state to);

/* ---- on any connection ---- */

/* What the query (a JOBS_SQL whose one parameter is seq) finds of a row; db_done() it. NULL with *e
 * filled: ERR_NOT_FOUND when there is none. */
struct db_stmt *jobs_row(struct db *d, const char *query, int64_t seq, struct err *e);
/* A submission's stored form to the submission. with_texts false leaves large texts empty. */
NODISCARD int jobs_load_submission(struct db *d, int64_t seq, bool with_texts,
                                   struct submission **ret_submission, struct err *e);
