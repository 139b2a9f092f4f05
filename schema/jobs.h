/* schema/jobs.h - the job table: what was accepted, what became of it, and what must be told.
 *
 *     accept --> QUEUED --claim--> RUNNING --finish--> DONE
 *                  ^  \               |  \
 *                  |   cancel         |   cancel --> CANCELLED (final, with a report)
 *                  +---- give back, or the server died (start of the next one)
 *
 * SQLite, WAL, synchronous=FULL. One writer thread commits many operations in one transaction;
 * nothing is told to anybody before its commit. Readers have connections of their own.
 *
 * Owns     DATA_DIR/scrc.db and its lock (flock on DATA_DIR/lock): one server, one table.
 * Threads  every function may be called from any thread. Callbacks run on the writer thread and
 *          must not block or call back into jobs_* functions that wait.
 * Errors   0, or -1 with *e filled. ERR_DISK: nothing was stored, and the table goes on reading;
 *          it recovers by itself when there is room again.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base.h"
#include "schema/err.h"
#include "schema/outbox.h"
#include "schema/submission.h"
#include "schema/verdict.h"

struct jobs;
struct report;

#define JOB_STATES(X)                                                                              \
    X(JOB_QUEUED, "queued")                                                                        \
    X(JOB_RUNNING, "running")                                                                      \
    X(JOB_DONE, "done")                                                                            \
    X(JOB_CANCELLED, "cancelled")

#define JOB_STATE_ENUM(state, name) state,
enum job_state { JOB_STATES(JOB_STATE_ENUM) JOB_STATE_COUNT };
#undef JOB_STATE_ENUM
const char *job_state_name(enum job_state s);
bool job_state_from_name(const char *name, enum job_state *ret_state);
static inline bool job_state_is_final(enum job_state s) { return s >= JOB_DONE; }

#define JOBS_RETURN_ROWS 500

#define JOB_ATTEMPTS_MAX 3  /* faults of the submission's own cell */
#define JOB_RESTARTS_MAX 10 /* deaths of the server while it ran */

struct jobs_config {
    const char *dir;      /* DATA_DIR, made when missing. borrowed for jobs_open() */
    const char *instance; /* this start's random id, kept in leases. borrowed likewise */
    int64_t max_queued;   /* accept beyond it is ERR_QUEUE_FULL */
    int64_t retention_ms; /* final rows older than this lose their texts and report; 0 = keep */
    int64_t lock_wait_ms; /* how long to wait for another server's lock */
    /* Called once, before the waiting, with what the other one has written of itself ("" when it
     * has not). dir and holder are borrowed for the call. NULL: nobody is told. */
    void (*waits)(void *ctx, const char *dir, const char *holder);
    void *waits_ctx;
    int64_t reserve_bytes; /* accept with less than this free on the disk is ERR_DISK, so that what
                              was accepted can still be finished; 0 = 64 MiB, -1 = none */
    int64_t report_max; /* bytes of a report; a larger one is stored without its outputs; 0 = what
                           SQLite takes */
    bool publish_all;   /* reports of submissions that came over HTTP go to the outbox too */
};

/* What happened to a row, told after its commit. */
struct jobs_change {
    int64_t seq;    /* the row's number, unique for the life of the table */
    const char *id; /* borrowed for the call */
    enum job_state state;
    bool fresh;           /* it has just been accepted */
    bool returned;        /* it went back to Kafka: told as cancelled, and the row is gone */
    int64_t change;       /* the number of this change; they rise by the order of commits */
    const char *language; /* borrowed; NULL for a claim */
    /* of a row that has just become final */
    enum verdict verdict;
    int64_t total_ms; /* since it was accepted */
    bool judged;      /* false: cancelled, or unreadable; the three below are unknown */
    int64_t queue_ms, build_ms, run_ms;
};

/* The one "something changed" notification; several listeners may be added before traffic starts.
 * Called on the writer thread with everything one commit changed. */
typedef void jobs_listener_fn(void *ctx, const struct jobs_change *changes, size_t len);

/* Opens or makes the table, migrates it, gives back what a dead server left running (or finishes
 * it with an error after JOB_RESTARTS_MAX), starts the writer. Caller owns *ret_jobs.
 * ERR_SETTING: another server has the lock. ERR_DISK: read-only, full, or from a newer version. */
NODISCARD int jobs_open(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e);
void jobs_listen(struct jobs *j, jobs_listener_fn *fn, void *ctx);

/* Commits what is waiting, closes. No other thread may be inside. Takes NULL, returns NULL. */
struct jobs *jobs_close(struct jobs *j);
DEFINE_CLEANUP(struct jobs, jobs_close)

/* A random id of the table itself, made with it; labels the cells so that the next server on this
 * table knows its predecessor's orphans. Borrowed until close. */
const char *jobs_table_id(const struct jobs *j);
/* The directory it is in, which is this process's alone. Borrowed until close. */
const char *jobs_dir(const struct jobs *j);

/* ---- writing: operations queue up and are committed together ---- */

enum jobs_op_kind {
    JOBS_ACCEPT,
    JOBS_CLAIM,
    JOBS_FINISH,
    JOBS_GIVE_BACK,
    JOBS_CANCEL,
    JOBS_REFUSE,    /* a message that makes no job: its dead letter, its report */
    JOBS_PUBLISH,   /* a stored report once more */
    JOBS_SENT,      /* acknowledged: rows of the outbox go */
    JOBS_RETURN,    /* what was not begun of a partition goes back to Kafka */
    JOBS_WATERMARKS /* before the first of a batch is sent */
};

/* One operation. The caller owns it and all it points at until done() has been called. `result` is
 * 0 or -1 with `err` filled, valid once committed. done may free the op. */
struct jobs_op {
    enum jobs_op_kind kind;
    void (*done)(struct jobs_op *op); /* on the writer thread, after the commit or the failure */
    void *ctx;                        /* the caller's */
    int result;
    struct err err;
    struct jobs_op *next; /* the table's own, from jobs_put() to done() */

    union {
        /* ERR_CONFLICT, ERR_QUEUE_FULL, ERR_DISK. The same id with the same hash succeeds with
         * `existing` true. id NULL: a random one is made. */
        struct {
            const struct submission *submission;    /* borrowed */
            const struct submission_packed *packed; /* borrowed */
            /* From Kafka; NULL: over HTTP. An origin that was seen before is a replay: nothing is
             * stored. A known id at a new origin has its report published once (more), now or
             * when it is final. */
            const struct outbox_origin *origin; /* borrowed */
            /* Where the message has no id of its own (submission->id NULL): what stands for it.
             * Never a conflict: the row's id is "<derived>@<partition>:<offset>" when it is taken,
             * and the report still carries `derived` on the topic. Borrowed; NULL: none. */
            const char *derived;
            bool replay;                         /* out */
            bool existing;                       /* out */
            enum job_state state;                /* out */
            int64_t seq, position, submitted_ms; /* out; position from 1, 0 when not queued */
            char id[SUBMISSION_ID_MAX + 1];      /* out */
        } accept;
        /* The oldest queued row whose language is listed; seq 0 when there is none. */
        struct {
            const char *const *languages;   /* borrowed; NULL-terminated */
            int64_t seq;                    /* out */
            int64_t claim;                  /* out; a random number: this claim and never another */
            int64_t submitted_ms;           /* out */
            int64_t attempts;               /* out; counts this one, from 1 */
            char id[SUBMISSION_ID_MAX + 1]; /* out */
        } claim;
        /* Writes the report and its outbox rows once. ERR_FINAL when the row is final already, not
         * running any more, or claimed anew meanwhile: the report is dropped and counted. Without a
         * report the table makes one of "-" and `error`, which names no tests: so a row can end
         * whose submission cannot be read. */
        struct {
            int64_t seq, claim;
            const struct report *report; /* borrowed; NULL: none */
            const char *error;           /* borrowed; only without a report */
            char *json;                  /* the table's own: the report's stored form */
            size_t json_len;
        } finish;
        /* RUNNING -> QUEUED at its old place. spend: the attempt counts (our cell broke); otherwise
         * it is as if it had never been claimed. ERR_FINAL when it is final, or claimed anew. */
        struct {
            int64_t seq, claim;
            bool spend;
        } give_back;
        /* ERR_NOT_FOUND, ERR_FINAL. Writes the "cancelled" report itself; `was_running` tells the
         * caller to stop the cell. */
        struct {
            const char *id;   /* borrowed */
            bool was_running; /* out */
            int64_t seq;      /* out */
        } cancel;
        /* A seen origin stores nothing again; a REFUSAL whose key is the id of a row is left out.
         */
        struct {
            const struct outbox_origin *origin;  /* borrowed */
            const struct outbox_letter *letters; /* borrowed */
            size_t letters_len;
            bool replay; /* out */
        } refuse;
        /* ERR_NOT_FOUND; ERR_INPUT while it is not final; ERR_NOT_FOUND when it has expired. */
        struct {
            const char *id; /* borrowed */
        } publish;
        struct {
            const int64_t *numbers; /* borrowed */
            size_t len;
        } sent;
        /* Deletes at most JOBS_RETURN_ROWS of the queued rows that were taken from this partition,
         * at the offset `from` or behind it, as if they had never been read: their ids are free,
         * and the same messages are new ones when they come again. For messages whose offsets are
         * not committed. Nobody waits long for the writer, so whoever has more to give back asks
         * again. */
        struct {
            const char *topic; /* borrowed */
            int32_t partition;
            int64_t from;
            int64_t rows; /* out: how many */
        } give_up;
        struct {
            const struct outbox_watermark *marks; /* borrowed; replace those of their partitions */
            size_t len;
        } watermarks;
    } u;
};

/* Hands the op to the writer and returns at once. */
void jobs_put(struct jobs *j, struct jobs_op *op);

/* The same, and waits for the commit. Returns op->result with *e filled. op->done is ignored. Not
 * for callbacks. */
NODISCARD int jobs_do(struct jobs *j, struct jobs_op *op, struct err *e);

/* ---- reading: what is committed ---- */

struct job_status {
    int64_t seq;
    enum job_state state;
    int64_t position; /* 1 is next; 0 when not queued */
    int64_t submitted_ms;
    int64_t change; /* the number of its last change */
    bool expired;   /* final, and retention has taken its texts and report */
    char language[64];
};

/* All three: ERR_NOT_FOUND when there is no such id. */
NODISCARD int jobs_status(struct jobs *j, const char *id, struct job_status *ret_status,
                          struct err *e);
/* The submission as accepted; caller owns it. ERR_NOT_FOUND also when it has expired. */
NODISCARD int jobs_submission(struct jobs *j, int64_t seq, struct submission **ret_submission,
                              struct err *e);
/* The stored report of a final row; caller owns *ret_json. ret_seq may be NULL. ERR_NOT_FOUND when
 * it is not final or has expired. */
NODISCARD int jobs_report(struct jobs *j, const char *id, int64_t *ret_seq, char **ret_json,
                          size_t *ret_len, struct err *e);

struct jobs_filter {
    int state;                        /* enum job_state, or -1 */
    int status;                       /* enum verdict, as stored, or -1 */
    enum status_set set;              /* the words of status_name, and of the items' status */
    const char *status_name;          /* NULL, or the status as a consumer of `set` reads it */
    const char *language, *id_prefix; /* NULL = any */
    int64_t since_ms, until_ms;       /* submitted in [since, until); 0 = open */
    const char *sort;                 /* NULL = "-submitted_at"; see jobs_sorts */
    const char *cursor;               /* NULL = from the start; ours, opaque */
    int64_t limit;                    /* bounded to 1 .. 500 */
};

/* Legal `sort` words, NULL-terminated: submitted_at, finished_at, duration_ms, memory_bytes, each
 * also with "-" in front for the largest first. Each has an index, so that a page costs the same
 * however many rows there are. Rows without the value come last, by age. */
extern const char *const jobs_sorts[];

/* GET /results: {"results": [...], "next_cursor": string or null}. A page looks at a bounded number
 * of rows: where few of them fit it is short, or empty, and its cursor goes on. ERR_INPUT for a
 * cursor or a sort that is not ours; a cursor belongs to its sort. Caller owns the reference. */
NODISCARD int jobs_list(struct jobs *j, const struct jobs_filter *f, json_t **ret_page,
                        struct err *e);

/* ---- what changed ---- */

/* A row as an item of jobs_list(), with its `position` in the queue (0: not queued) as one more
 * member. Everything is borrowed for the call. */
struct jobs_item {
    int64_t seq, change;
    enum job_state state;
    const char *id;
    const char *json; /* an object in one line */
    size_t len;
};
/* False ends it. Called while a reader is held: must not call jobs_* functions. */
typedef bool jobs_item_fn(void *ctx, const struct jobs_item *item);

/* Tells at most `limit` rows that changed after change `after`, each once and in its present state,
 * in the order of their last changes. */
NODISCARD int jobs_items_since(struct jobs *j, int64_t after, int64_t limit, enum status_set set,
                               jobs_item_fn *fn, void *ctx, struct err *e);
/* How many it would tell; `most` bounds the counting. */
NODISCARD int jobs_items_count(struct jobs *j, int64_t after, int64_t most, int64_t *ret_rows,
                               struct err *e);
/* A row of which something happened lately; finished_ms 0: it is not final. Of c there are state,
 * language, verdict, judged, total_ms and queue_ms (-1: not known). False ends it. Called while a
 * reader is held: must not call jobs_* functions. */
typedef bool jobs_past_fn(void *ctx, int64_t submitted_ms, int64_t finished_ms,
                          const struct jobs_change *c);
/* Tells the rows that were submitted or became final at since_ms (wall clock) or later, in no
 * order. */
NODISCARD int jobs_past(struct jobs *j, int64_t since_ms, jobs_past_fn *fn, void *ctx,
                        struct err *e);
/* One row. ERR_NOT_FOUND. */
NODISCARD int jobs_item_of(struct jobs *j, int64_t seq, enum status_set set, jobs_item_fn *fn,
                           void *ctx, struct err *e);

/* The row that waits longest, as jobs_counts() names it. ERR_NOT_FOUND. */
struct jobs_oldest {
    char id[SUBMISSION_ID_MAX + 1], language[64];
    int64_t submitted_ms;
};
NODISCARD int jobs_oldest(struct jobs *j, int64_t seq, struct jobs_oldest *ret_oldest,
                          struct err *e);

struct jobs_counts {
    int64_t queued, running, final; /* rows */
    int64_t change;                 /* the number of the last committed change; 0: none yet */
    int64_t commits, operations;    /* groups that were committed, and what was in them */
    int64_t late_reports;           /* second or late reports refused, since start */
    int64_t oldest_queued_ms;       /* submitted_ms of the oldest queued row; 0 = none */
    int64_t oldest_queued;          /* its seq */
    bool writable;                  /* the last write succeeded, or none was tried */
    char unwritable_why[200];
};
/* From memory: never touches the disk. */
void jobs_counts(struct jobs *j, struct jobs_counts *ret_counts);
