/* schema/store/jobs.h - the job table: accepted submissions, their states and reports, and what is
 * still to be published.
 *
 *     jobs.h          open, close, counts
 *     jobs_op.h       what can be done to a job: accept, claim, finish, requeue, cancel
 *     jobs_read.h     what can be read of one job, and of all jobs
 *     jobs_change.h   notifications of changes
 *     jobs_servers.h  the servers that share the table
 *     outbox.h        what is still to be published to Kafka
 *
 * Many operations are committed in one transaction. Nobody is notified of an operation before it
 * is committed. Readers see committed rows only, and never wait for the writer.
 *
 * Room     schema/store: the job table, its files, and the outbox for Kafka.
 *          May know all of schema.
 * Owns     the directory and all files in it: a directory is open in one server at a time.
 * Threads  any. Callbacks run on the writer thread; they must not block and must not call jobs_*
 *          functions that wait.
 * Errors   0, or -1 with *e filled. ERR_DISK: nothing was stored; reads still work, and writes
 *          work again as soon as there is space.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/store/jobs_op.h"

struct err;
struct jobs;

/* How many times the server may die while it runs a job; after that the job ends with an error. */
#define JOB_RESTARTS_MAX 10

struct jobs_config {
    const char *dir;      /* DATA_DIR, created if missing; borrowed for jobs_open() */
    const char *instance; /* random id of this start, stored in running rows; borrowed likewise */
    const char *url; /* of a database that several servers share; borrowed likewise; NULL: the table
                        is in dir */
    int64_t lease_timeout_ms; /* with url: how long a server may give no sign of life until others
                                 take over its work */
    int64_t slots;        /* how many submissions this server judges at once, for others to see */
    int64_t max_queued;   /* with so many queued, accept fails with ERR_QUEUE_FULL */
    int64_t retention_ms; /* older final rows lose their submission and report; 0 = keep all */
    int64_t lock_wait_ms; /* how long to wait while another server has the lock */
    /* Called once, before waiting for the lock. holder: what the other server wrote into the
     * lock's file, "" if nothing. dir and holder are borrowed for the call. NULL: not called. */
    void (*waits)(void *ctx, const char *dir, const char *holder);
    void *waits_ctx;
    int64_t reserve_bytes; /* with less free disk space accept fails with ERR_DISK, so that accepted
                              jobs can still be finished; 0 = 64 MiB, -1 = no reserve */
    int64_t report_max;    /* bytes of a report; a larger one is stored without its outputs; 0 = as
                              much as the table can hold */
    bool publish_all;      /* publish the reports of submissions that came over HTTP too */
};

/* Opens or creates the table, migrates it, requeues the rows that a dead server left running (or
 * finishes them with an error after JOB_RESTARTS_MAX), starts the writer. Caller owns *ret_jobs.
 * ERR_CONFLICT: another server has the lock. ERR_DISK: read-only, full, or from a newer version.
 * With url also ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_AGAIN: it may succeed later; and ERR_SETTING: the
 * database does not let us in, or a newer version made its tables. */
NODISCARD int jobs_open(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e);

/* Commits the waiting operations, then closes. No other thread may be in a jobs_* function. Takes
 * NULL, returns NULL. */
struct jobs *jobs_close(struct jobs *j);
DEFINE_CLEANUP(struct jobs, jobs_close)

/* A random id of the table, created with it. Borrowed until close. */
const char *jobs_table_id(const struct jobs *j);
/* Whether the table is of several servers: then what is queued in it is judged by any of them, and
 * a message that one has read is known to all. */
bool jobs_is_shared(const struct jobs *j);
/* The server's directory; no other process uses it. Borrowed until close. */
const char *jobs_dir(const struct jobs *j);
/* The directory's id. Containers carry it as a label, so that the next server on this directory
 * finds those that a dead one left, and none of a neighbour's. Borrowed until close. */
const char *jobs_dir_id(const struct jobs *j);

/* Asks the writer thread to come round, also when it has nothing to write. */
void jobs_writer_ask(struct jobs *j);
/* When it came round last (clock_mono_ns()): one that hangs, or waits for a disk that does, does
 * not. A database that is away does not keep it. */
int64_t jobs_writer_seen_ns(struct jobs *j);

/* ---- counts ---- */

struct jobs_counts {
    int64_t queued, running, final; /* rows */
    int64_t revision;               /* of the last committed change; 0: none yet */
    int64_t commits, operations;    /* committed groups, and the operations in them */
    int64_t servers;                /* that share the table and are not over, as last seen */
    int64_t snapshot_ms;            /* age of the oldest transaction of a shared table's database */
    int64_t late_reports;     /* reports refused because they were second or late, since start */
    int64_t oldest_queued_ms; /* submitted_ms of the oldest queued row; 0 = none */
    int64_t oldest_queued;    /* its seq; 0 = none */
    bool writable;            /* the last write succeeded, or there was none yet */
    char unwritable_why[200];
};
/* Reads memory only, not the disk. */
void jobs_counts(struct jobs *j, struct jobs_counts *ret_counts);
