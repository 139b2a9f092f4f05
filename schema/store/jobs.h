/* schema/store/jobs.h - the job table: what was accepted, what became of it, and what must be told.
 *
 *     jobs.h          its life, and how it is doing
 *     jobs_op.h       what may be done to a job: accept and claim; finish, give back, cancel
 *     jobs_read.h     what may be asked of a job, and of all of them
 *     jobs_change.h   what changed
 *     outbox.h        what must still be told to Kafka
 *
 * Operations are committed many at a time, and nothing is told to anybody before its commit. Who
 * reads sees what is committed, and never waits for who writes.
 *
 * Room     schema/store: the job table, its files, and the outbox for Kafka.
 *          May know all of schema.
 * Owns     the directory, and all that is in it: one server, one table.
 * Threads  every function may be called from any thread. Callbacks run on the writer thread and
 *          must not block or call back into jobs_* functions that wait.
 * Errors   0, or -1 with *e filled. ERR_DISK: nothing was stored, and the table goes on reading;
 *          it recovers by itself when there is room again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/store/jobs_op.h"

struct err;
struct jobs;

/* Deaths of the server while a job ran; then it ends with an error. */
#define JOB_RESTARTS_MAX 10

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
    int64_t report_max;    /* bytes of a report; a larger one is stored without its outputs; 0 = as
                              much as the table holds */
    bool publish_all;      /* reports of submissions that came over HTTP go to the outbox too */
};

/* Opens or makes the table, migrates it, gives back what a dead server left running (or finishes
 * it with an error after JOB_RESTARTS_MAX), starts the writer. Caller owns *ret_jobs.
 * ERR_SETTING: another server has the lock. ERR_DISK: read-only, full, or from a newer version. */
NODISCARD int jobs_open(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e);

/* Commits what is waiting, closes. No other thread may be inside. Takes NULL, returns NULL. */
struct jobs *jobs_close(struct jobs *j);
DEFINE_CLEANUP(struct jobs, jobs_close)

/* A random id of the table itself, made with it; labels the cells so that the next server on this
 * table knows its predecessor's orphans. Borrowed until close. */
const char *jobs_table_id(const struct jobs *j);
/* The directory it is in, which is this process's alone. Borrowed until close. */
const char *jobs_dir(const struct jobs *j);

/* ---- how it is doing ---- */

struct jobs_counts {
    int64_t queued, running, final; /* rows */
    int64_t revision;               /* the number of the last committed change; 0: none yet */
    int64_t commits, operations;    /* groups that were committed, and what was in them */
    int64_t late_reports;           /* second or late reports refused, since start */
    int64_t oldest_queued_ms;       /* submitted_ms of the oldest queued row; 0 = none */
    int64_t oldest_queued;          /* its seq */
    bool writable;                  /* the last write succeeded, or none was tried */
    char unwritable_why[200];
};
/* From memory: never touches the disk. */
void jobs_counts(struct jobs *j, struct jobs_counts *ret_counts);
