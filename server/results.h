/* server/results.h - GET /results and GET /results/{id}, and how every route answers for a job:
 * its report when it is final, else its state, at once or after a wait.
 *
 * Room     server.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include <stdbool.h>

#include "server/request.h"

enum next results_list(struct request *r);
enum next results_get(struct request *r);

/* Reads ?wait= into r->wait_ns. False: it is wrong, and the reply says so. */
bool results_read_wait(struct request *r);

/* Answers for job r->id, whose state is *status. Only on the thread that serves the connection. */
enum next results_answer(struct request *r, const struct job_status *status);
