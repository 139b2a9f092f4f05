/* server/http/admission.h - what can be said of a request when only its headers are there.
 *
 * Room     server/http.
 * Threads  the one that serves the connection.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/http/header_check.h"
#include "server/http/request.h"

/* Finds the route and the principal, and reads id and query into r. False: it is refused, and the
 * reply says why. */
bool admission_request(struct request *r, const char *target, const char *method,
                       const struct header_check_head *head);

/* The largest body the request's route takes. */
int64_t admission_body_limit(const struct request *r);
