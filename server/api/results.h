/* server/api/results.h - GET /results and GET /results/{id}, and how every route answers for a job:
 * its report when it is final, else its state, at once or after a wait.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"
#include "schema/store/jobs_read.h"
#include "server/http/request.h"

enum next results_list(struct request *r);
enum next results_get(struct request *r);

/* Reads ?wait= into r->wait_ns. False: it is wrong, and the reply says so. */
bool results_read_wait(struct request *r);

/* How job r->id stands. False: it is unknown, or `what` ("its report was") went after RETENTION,
 * and the reply says so. */
NODISCARD bool results_status(struct request *r, const char *what, struct job_status *ret_status);

/* Answers for job r->id, whose state is *status. Only on the thread that serves the connection. */
enum next results_answer(struct request *r, const struct job_status *status);
