/* server/http/admission.h - accepts or refuses a request by its headers, before its body is read.
 *
 * Room     server/http.
 * Threads  the one that serves the connection.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/http/header_check.h"
#include "server/http/request.h"

/* Finds the route and the principal, and reads id and query parameters into r. False: refused, and
 * the reply is filled in. */
bool admission_request(struct request *r, const char *target, const char *method,
                       const struct header_check_head *head);

/* How many bytes a body may have for the request's route. */
int64_t admission_body_limit(const struct request *r);
