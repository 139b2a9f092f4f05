/* schema/store/jobs_finish.h - makes a row final: with a report, cancelled, or with an error.
 *
 * Room     schema/store, private to the job table.
 * Threads  the writer thread, in the transaction of a group.
 * Errors   -1 with *e filled: roll back the transaction. A refused operation is no error here.
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

/* A row that becomes final. */
struct jobs_final {
    int64_t seq;
    enum job_state state;
    const struct report *report; /* borrowed */
    const char *json;            /* borrowed; its stored form */
    size_t json_len;
    int64_t revision;
    bool unreadable; /* for jobs_finish_unjudged(): do not read the submission */
};

/* Makes a row final with an unjudged report: verdict "-" and `error`. In a transaction; also
 * called at start, before the writer runs. 1: the report was added to the outbox; 0: it is not to
 * be published; -1. */
NODISCARD int jobs_finish_unjudged(struct db *d, const struct jobs_final *row, const char *error,
                                   struct err *e);
/* The same for a row whose servers died too often while they ran it (JOB_RESTARTS_MAX). */
NODISCARD int jobs_finish_deadly(struct db *d, const struct jobs_final *row, struct err *e);
