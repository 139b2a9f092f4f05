/* server/http/problem.h - the body of a refusal: application/problem+json (RFC 9457).
 *
 * Room     server/http.
 * Threads  any; no state.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"
#include "schema/base/err.h"

struct field_errors;

#define PROBLEM_TYPE "application/problem+json"

/* What programs tell problems apart by: a code never changes its meaning. For each status, the
 * first row is what is meant when nothing more is known. Code, status, title. */
#define PROBLEM_CODES(X)                                                                           \
    X(PROBLEM_BAD_REQUEST, "bad_request", 400, "Bad request")                                      \
    X(PROBLEM_NOT_JSON, "not_json", 400, "Not JSON")                                               \
    X(PROBLEM_NOT_FORM, "not_form", 400, "Not a form")                                             \
    X(PROBLEM_FORBIDDEN, "forbidden", 403, "Forbidden")                                            \
    X(PROBLEM_FOREIGN_PAGE, "foreign_page", 403, "Forbidden")                                      \
    X(PROBLEM_NOT_FOUND, "not_found", 404, "Not found")                                            \
    X(PROBLEM_NO_SUCH_PATH, "no_such_path", 404, "No such path")                                   \
    X(PROBLEM_EXPIRED, "expired", 404, "Not kept any more")                                        \
    X(PROBLEM_METHOD_NOT_ALLOWED, "method_not_allowed", 405, "Method not allowed")                 \
    X(PROBLEM_CONFLICT, "conflict", 409, "Conflict")                                               \
    X(PROBLEM_ID_TAKEN, "id_taken", 409, "The id is taken")                                        \
    X(PROBLEM_ALREADY_FINAL, "already_final", 409, "Final already")                                \
    X(PROBLEM_NOT_FINAL, "not_final", 409, "Not final yet")                                        \
    X(PROBLEM_KAFKA_OFF, "kafka_off", 409, "Kafka is off")                                         \
    X(PROBLEM_BODY_TOO_LARGE, "body_too_large", 413, "Body too large")                             \
    X(PROBLEM_TARGET_TOO_LONG, "target_too_long", 414, "Target too long")                          \
    X(PROBLEM_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", 415,                               \
      "Not a type that is read here")                                                              \
    X(PROBLEM_WRONG_HOST, "wrong_host", 421, "Not this server")                                    \
    X(PROBLEM_INVALID, "invalid", 422, "Not acceptable as it is")                                  \
    X(PROBLEM_QUEUE_FULL, "queue_full", 429, "Queue full")                                         \
    X(PROBLEM_HEADERS_TOO_LARGE, "headers_too_large", 431, "Headers too large")                    \
    X(PROBLEM_INTERNAL, "internal", 500, "Fault of the server")                                    \
    X(PROBLEM_NOT_IMPLEMENTED, "not_implemented", 501, "Not known here")                           \
    X(PROBLEM_UNAVAILABLE, "unavailable", 503, "Not able now")                                     \
    X(PROBLEM_STOPPING, "stopping", 503, "Stopping")                                               \
    X(PROBLEM_OVERLOADED, "overloaded", 503, "Too much at once")                                   \
    X(PROBLEM_HTTP_VERSION, "http_version", 505, "Another HTTP")                                   \
    X(PROBLEM_DISK, "disk", 507, "Disk full or failing")

#define PROBLEM_ENUM(code, name, status, title) code,
enum problem_code { PROBLEM_CODES(PROBLEM_ENUM) PROBLEM_CODE_COUNT };
#undef PROBLEM_ENUM

/* "not_json"; static. */
const char *problem_code_name(enum problem_code code);
unsigned problem_code_status(enum problem_code code);
/* The first code of a status, PROBLEM_INTERNAL for one that is in no row. */
enum problem_code problem_of_status(unsigned status);
/* For this kind of error. No other code maps kinds to statuses. */
enum problem_code problem_of_kind(enum err_kind kind);

/* What is wrong. All is borrowed; fields and parameter may be NULL. */
struct problem_text {
    enum problem_code code;
    const char *detail;                /* a sentence; without the parameter's name */
    const char *parameter;             /* the query parameter that is wrong */
    const struct field_errors *fields; /* the fields that are wrong */
};

/* {type, title, status, code, detail, errors: [{pointer | parameter, detail}]}. detail may contain
 * what the client sent, with any bytes. The caller owns the text; NULL out of memory. */
char *problem_render(const struct problem_text *p, size_t *ret_len);
