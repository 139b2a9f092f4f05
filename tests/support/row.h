/* tests/support/row.h - what server and engine do with the rows of a job table, in short words. All
 * fail the test where they cannot do it, but for those that return an int: 0, or -1 with the error.
 *
 * Threads  the claims of rows are kept in one place: one thread claims and finishes at a time.
 */
#pragma once

#include "schema/model/report.h"
#include "schema/model/submission.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_read.h"
#include "tests/support/job_table.h"

/* For submission_rules: every language is known. */
bool row_knows_any(const void *ctx, const char *name);

/* What must be a submission. The caller owns it. */
struct submission *row_parse(const char *json);

/* Sends one submission; the operation's outcome stays in *ret_op. */
int row_send_json(struct jobs *j, const char *json, struct jobs_op *ret_op);

/* A small submission with two tests. */
int row_send(struct jobs *j, const char *id, const char *language, const char *source,
             struct jobs_op *ret_op);

/* The same; returns the row's number. */
int64_t row_accept(struct jobs *j, const char *id, const char *language);

/* The claimed row's number, 0 for none. Its claim is remembered for the calls below, so that a test
 * names rows only. */
int64_t row_claim(struct jobs *j, const char *const *languages, struct jobs_op *ret_op);
int64_t row_claim_c(struct jobs *j);

/* The claim that is remembered for this row; a test may change it. */
int64_t *row_claim_of(int64_t seq);

/* A report as the engine would write it, of a run that took `duration` ms. The caller owns it. */
struct report *row_report(const char *id, enum verdict v, int64_t duration);

int row_finish(struct jobs *j, int64_t seq, const struct report *r, struct err *e);
void row_finish_ok(struct jobs *j, int64_t seq, const char *id, enum verdict v, int64_t duration);
int row_requeue(struct jobs *j, int64_t seq, enum jobs_release why, struct err *e);
int row_cancel(struct jobs *j, const char *id, struct jobs_op *ret_op, struct err *e);
struct job_status row_status(struct jobs *j, const char *id);

/* Opens the table again with the shortest retention, and waits until the row of this id is gone. */
void row_expire(struct job_table *t, const char *last_id);
