/* server/api/submissions.h - POST /submissions, GET and DELETE /submissions/{id}, and POST
 * /results/{id}/publish, which writes to the job table too.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include "server/http/request.h"

enum next submissions_post(struct request *r);
enum next submissions_get(struct request *r);
enum next submissions_delete(struct request *r);
enum next submissions_publish(struct request *r);
