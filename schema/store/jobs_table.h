/* schema/store/jobs_table.h - struct jobs and what all files of the job table share: looking up
 * rows, recording changes. Only they include it, and tests that measure reads.
 *
 *     jobs_open         open and close
 *     jobs_lock         the directory and its lock
 *     sqlite/           a table in a file of one server: schema, recovery, counts in memory
 *     postgres/         a table that servers share: schema, change feed, leases
 *     jobs_notify       the listeners, after a commit
 *     jobs_signal       short texts between servers that share a table
 *     jobs_writer       the writer thread: groups of operations, one transaction each
 *     jobs_apply        calls the function of an operation, in the transaction of its group:
 *     jobs_accept       ... accepts a submission
 *     jobs_order        ... where it is in the queue
 *     jobs_labels       ... by which labels it is found
 *     jobs_claim        ... claims a row, begins or requeues it
 *     jobs_finish       ... finishes or cancels a row
 *     jobs_inbox        ... which messages of Kafka were read already
 *     jobs_return       ... returns rows to Kafka
 *     jobs_outbox       ... what is to be published to Kafka
 *     jobs_retention    deletes submissions and reports of old rows
 *     jobs_readers      the connections for reading
 *     jobs_read         status, submission, report
 *     jobs_list         GET /results
 *     jobs_filter       ... which rows match, and which index finds them
 *     jobs_item         a row as JSON; rows after a revision
 *     jobs_history      rows of the recent past
 *     jobs_servers      who works on the table
 *
 * One writer thread commits many operations in one transaction; readers have connections of their
 * own. Operations and reads are written once, over db.h; what a table in a file and one in a shared
 * database do differently is in struct jobs_backend.
 *
 * Room     schema/store, private to the job table. May know none of the files above.
 * Owns     the table, and the directory's lock (flock on DATA_DIR/lock).
 * Threads  each part of struct jobs says which thread may use it. No thread holds two of its locks.
 * Errors   0, or -1 with *e filled. In a group's transaction -1 means: roll back the transaction.
 *          An error of one operation goes into that operation.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/orderset.h"
#include "schema/base/text.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_readers.h"

#define JOBS_GROUP_OPS     1024 /* operations in one transaction */
#define JOBS_LISTENERS_MAX 8
#define JOBS_PRIORITIES    21 /* of -SUBMISSION_PRIORITY_MAX to SUBMISSION_PRIORITY_MAX */
#define JOBS_SQL(query)    static const char query[]

/* Refuses the operation; the transaction continues. */
#define JOBS_REFUSED(op, ...) ((op)->result = err_set(&(op)->err, __VA_ARGS__), 0)

/* The changes of one transaction; listeners are notified of them after the commit. */
struct jobs_group {
    struct jobs_change changes[JOBS_GROUP_OPS];
    size_t id_at[JOBS_GROUP_OPS]; /* offset of changes[i].id in ids, whose address may still
                                     change; its language follows it */
    size_t len;
    struct buf ids;
    int64_t moved[JOB_STATE_COUNT]; /* rows that entered a state, minus those that left it */
    int64_t late_reports;
    int64_t outbox_added, outbox_removed; /* rows */
    unsigned added_kinds; /* OUTBOX_KIND_BITs of the added rows that are not reports */
    int64_t operations;
    bool wrote;         /* false: nothing is to be stored, as when a claim found no row */
    char low_disk[200]; /* why nothing can be accepted; "": it can */
};

/* Who is notified of changes. */
struct jobs_listeners {
    struct {
        jobs_listener_fn *fn;
        void *ctx;
    } rows[JOBS_LISTENERS_MAX];
    size_t len;
    struct {
        void (*fn)(void *ctx, unsigned kinds); /* outbox_listener_fn; NULL: none */
        void *ctx;
    } outbox;
    struct {
        void (*fn)(void *ctx, const char *text); /* jobs_signal_fn; NULL: none */
        void *ctx;
    } signal;
};

/* What a table in a file and one in a shared database do differently. */
struct jobs_backend {
    bool shared; /* other servers write too: what is in memory may be old */

    /* Opens j->db and the readers, brings the schema up to date, fills the counts; before the
     * writer runs. */
    int (*open)(struct jobs *j, const struct jobs_config *c, struct err *e);
    /* After the writer has ended; after an open() that failed too. */
    void (*close)(struct jobs *j);

    /* On the writer thread. */
    /* Sets why ("": nothing) if nothing new should be accepted: the rest of the space is for
     * finishing jobs. */
    void (*check_space)(struct jobs *j, char *why, size_t size);
    /* Begins and ends the transaction of j->group. A commit() that fails has stored nothing, except
     * in a shared table with ERR_UNAVAILABLE or ERR_TIMEOUT: then the next begin() that succeeds
     * sees what was stored. */
    int (*begin)(struct jobs *j, struct err *e);
    int (*commit)(struct jobs *j, struct err *e);
    /* After the commit: counts, then listeners. */
    void (*committed)(struct jobs *j);
    /* The lowest rank of a queued row that is not below `from`; 0: there is none. */
    int (*first_rank)(struct jobs *j, int64_t from, int64_t *ret_rank, struct err *e);
    /* Gives space back to the disk after retention; *ret_more: there is more to give. */
    int (*vacuum)(struct jobs *j, bool *ret_more, struct err *e);

    /* On any thread: as jobs_signal(). NULL: there are no other servers. */
    void (*signal)(struct jobs *j, const char *text);

    /* On any thread, with a connection for reading. */
    /* Of a queued row with this rank, from 1; 0: it is not queued any more. */
    int64_t (*position)(struct jobs *j, struct db *d, int64_t rank, int64_t seq);
    /* Of JOBS_COLUMNS: the rows whose revision is above ?1 in its order, at most ?2. */
    const char *changed_sql;
    const char *count_changed_sql; /* how many rows that are; ?2: not all are known any more */
    /* The servers, at most ?1: instance, host, version, slots, over, milliseconds since it was
     * seen, claims. NULL: this one alone. */
    const char *servers_sql;
};

struct jobs {
    const struct jobs_backend *backend; /* static */
    struct postgres_store *postgres;    /* owned by its backend; NULL with the other one */
    struct text_cache *texts;           /* likewise */

    /* Fixed after jobs_open(). */
    char *dir; /* owned */
    int64_t slots;
    int64_t max_queued, retention_ms, reserve_bytes, report_max;
    bool publish_all;
    char table_id[TEXT_ID_SIZE], dir_id[TEXT_ID_SIZE];
    int lock_fd;
    _Atomic int64_t writer_seen_ns;
    int64_t last_stamp_ms; /* time of the lock's file when we got the lock; 0: not known */
    pthread_t writer;
    bool writer_runs;

    /* Of the threads that publish; see outbox_stamp(). */
    atomic_llong stamp_ms;

    atomic_bool publishes; /* of a shared table: see outbox_is_ours() */
    /* Of a shared table: claims look from this rank on. A row with a lower one that is queued moves
     * it back. 0: from the first. */
    atomic_llong claim_from;
    atomic_bool has_owners; /* some queued row may have one: see jobs_order_rank() */

    /* Writer thread only (before it runs: jobs_open()'s thread). */
    struct db *db;
    struct jobs_group group;
    struct jobs_op *doubtful; /* owned: JOBS_REQUEUE of claims that may be stored */
    int64_t maintenance_ns;   /* when retention runs next */
    int64_t group_from_ns;    /* the next group begins then at the earliest; set by a backend whose
                                 commits take so long that a larger group is worth a wait */
    int64_t oldest_seq;       /* whose submitted_ms is counts.oldest_queued_ms; -1: none */
    int64_t unowned_rank[JOBS_PRIORITIES]; /* of the last row without an owner; 0: none is known */
    int64_t last_seq; /* the largest ever, so that none is used twice; not of a shared table */
    int64_t revision; /* the last one; the next change is written with revision + 1 */
    struct jobs_source_partition {
        char *topic; /* owned */
        int32_t partition;
        int64_t number;    /* of its row in table stream */
        int64_t next;      /* no message at this offset or later was read yet */
    } * source_partitions; /* owned */
    size_t source_partitions_len, last_source_partition;
    struct {
        int64_t finished_ms, seq;
    } retention_at; /* the last row that retention has read */

    /* Guarded by lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct jobs_op *head, **tail;
    bool stop, asked; /* asked: to come round, see jobs_writer_ask() */
    struct {
        jobs_claimer_fn *fn; /* NULL: none */
        void *ctx;
    } claimer;
    struct jobs_listeners listeners;
    int calls;            /* of listeners, in progress */
    pthread_cond_t quiet; /* calls is 0 */

    /* Guarded by memory_lock; only the writer changes them, so it reads them without the lock. */
    pthread_mutex_t memory_lock;
    struct jobs_counts counts;
    int64_t outbox_rows, outbox_oldest_ms;
    struct orderset queued;

    /* Guarded by memory_lock; jobs_set_instance() and jobs_set_epoch() change them. */
    char instance[TEXT_ID_SIZE];
    char epoch[JOBS_EPOCH_SIZE];

    struct jobs_readers readers; /* has its own lock */
};

/* ---- a group of changes ---- */

/* Empties it; its memory stays. */
void jobs_group_clear(struct jobs_group *g);
/* Adds that a row went from a state (-1: a new row) to c->state. id and language are borrowed for
 * the call. */
NODISCARD int jobs_group_add(struct jobs_group *g, const struct jobs_change *c, int from,
                             struct err *e);

/* ---- in the transaction of a group, on the writer thread ---- */

/* Records for the listeners and counts that a row went from a state (-1: a new row) to c->state.
 * Gives the change its revision; id and language are borrowed for the call. */
NODISCARD int jobs_record_change(struct jobs *j, const struct jobs_change *c, int from,
                                 struct err *e);

/* A row, as far as operations need it. */
struct jobs_found {
    int64_t seq, rank, submitted_ms, claim; /* claim 0: none */
    enum job_state state;
    char id[SUBMISSION_ID_MAX + 1], language[64];
};
#define JOBS_FOUND_COLUMNS "seq, state, id, submitted_ms, language, claim, rank"
/* The next row of a query of these columns: 1 found, 0 not found, -1. */
NODISCARD int jobs_step_found(struct db_stmt *q, struct jobs_found *ret_row, struct err *e);
/* Finds a row by its id, or by seq if id is NULL: 1 found, 0 not found, -1. */
NODISCARD int jobs_find(struct jobs *j, const char *id, int64_t seq, struct jobs_found *ret_row,
                        struct err *e);
/* The change of a row to a new state, for jobs_record_change(). Borrows the row. */
struct jobs_change jobs_change_of(const struct jobs_found *row, enum job_state to);

/* Reads the id of the table into j->table_id; a new table gets one. */
NODISCARD int jobs_load_table_id(struct jobs *j, struct err *e);

/* ---- on any thread ---- */

/* As which server we claim rows. A lease that was lost changes it. */
void jobs_instance(struct jobs *j, char out[TEXT_ID_SIZE]);
/* Copies the name. */
void jobs_set_instance(struct jobs *j, const char *instance);

/* ---- on any connection ---- */

/* Runs a query (a JOBS_SQL whose only parameter is seq) to its first row; end it with db_done().
 * NULL with *e filled; ERR_NOT_FOUND: there is no row. */
struct db_stmt *jobs_select_row(struct db *d, const char *query, int64_t seq, struct err *e);
/* Of a row that was read as queued; 1 also when it was claimed since. */
int64_t jobs_position(struct jobs *j, struct db *d, int64_t rank, int64_t seq);
/* Reads and unpacks a submission; caller owns it. with_blobs false: large texts are left empty. */
NODISCARD int jobs_load_submission(struct db *d, int64_t seq, bool with_blobs,
                                   struct submission **ret_submission, struct err *e);
/* The same with all texts; those that this server keeps are not read from a shared table. */
NODISCARD int jobs_load_kept_submission(struct jobs *j, struct db *d, int64_t seq,
                                        struct submission **ret_submission, struct err *e);
