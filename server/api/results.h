/* server/api/results.h - GET /results/{id}, and the reply about a job that other routes share: its
 * report when it is final, else its state, at once or after a wait.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"
#include "schema/store/jobs_read.h"
#include "server/http/request.h"

enum next results_get(struct request *r);

/* Reads ?wait= (seconds) into the call's wait_ns. False: wrong, and the reply is filled in. */
bool results_read_wait(struct request *r);

/* Reads the status of job r->id. False, and the reply is filled in: the job is unknown, or its
 * texts were removed after RETENTION; `what` ("its report was") begins that message. */
NODISCARD bool results_status(struct request *r, const char *what, struct job_status *ret_status);

/* Replies with the report or state of job r->id, or waits first. *status: from results_status().
 * Only on the thread that serves the connection. */
enum next results_answer(struct request *r, const struct job_status *status);

/* Lets the request wait for the report of the row that it has just added: on the job table's writer
 * thread, before the row can be final. False: it is not to wait, or the server is stopping. */
bool results_wait_fresh(struct request *r);
