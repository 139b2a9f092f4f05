/* schema/store/jobs_finish.h - a row ends: with a report, or cancelled, or given up.
 *
 * Room     schema/store, the job table's own.
 * Threads  the writer's, within the transaction of a group.
 * Errors   -1 with *e filled: the transaction is lost. An operation refused says so itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/store/job_state.h"

struct db;
struct err;
struct jobs;
struct jobs_op;
struct report;

/* JOBS_FINISH, JOBS_CANCEL. */
NODISCARD int jobs_finish(struct jobs *j, struct jobs_op *op, struct err *e);
NODISCARD int jobs_cancel(struct jobs *j, struct jobs_op *op, struct err *e);

/* A row about to become final. */
struct jobs_final {
    int64_t seq;
    enum job_state state;
    const struct report *report;
    const char *json; /* its stored form */
    size_t json_len;
    int64_t revision;
    bool unreadable; /* of jobs_finish_blank(): what was submitted is not looked at */
};

/* Makes a row final with a report of "-" and `error`, which it makes itself. Also at start, before
 * the writer runs; within a transaction. 1: its report went into the outbox; 0: nobody wants it
 * there; -1. */
NODISCARD int jobs_finish_blank(struct db *d, const struct jobs_final *row, const char *error,
                                struct err *e);
