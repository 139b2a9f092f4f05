/* engine/docker/docker_http.h - one HTTP request to the daemon behind a unix socket (libcurl).
 *
 * Room     engine/docker; the only file that includes curl.
 * Owns     one easy handle, and with it one keep-alive connection.
 * Threads  a handle belongs to one thread at a time.
 * Errors   any HTTP status is success here. ERR_UNAVAILABLE: no answer, or the connection
 *          ended during a call. ERR_TIMEOUT: no answer in time. ERR_DOCKER: not HTTP, or an answer
 *          larger than allowed. ERR_CANCELLED: piece() returned false, or the deadline
 *          of docker_http_until() passed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct buf;
struct docker_http;
struct err;

/* path: of the socket, in the file system. Copies it; the daemon need not run. */
NODISCARD int docker_http_open(const char *path, struct docker_http **ret_http, struct err *e);
struct docker_http *docker_http_free(struct docker_http *h);
DEFINE_CLEANUP(struct docker_http, docker_http_free)

/* Calls fail with ERR_CANCELLED beyond this moment (clock_mono_ns; INT64_MAX: none), the one in
 * progress within a second of it. From any thread. */
void docker_http_until(struct docker_http *h, int64_t deadline_ns);

/* Everything is borrowed for the call. */
struct docker_http_request {
    const char *method, *path; /* "POST", "/v1.41/containers/create" */
    const char *body;          /* JSON text, or NULL */
    long timeout_ms; /* of the whole call; 0: none, but DOCKER_HTTP_SILENCE_S without a byte ends it
                      */
    size_t answer_max; /* bytes; more is an error */
    /* NULL: the answer goes to `answer`. Else called for each part of it; false ends the transfer.
     */
    bool (*piece)(void *ctx, const char *data, size_t len);
    void *ctx;
};
#define DOCKER_HTTP_SILENCE_S 120L

/* answer is emptied first; its bytes are the caller's. A POST may reach the daemon twice: libcurl
 * repeats it by itself when a kept connection turns out to be dead. */
NODISCARD int docker_http_send(struct docker_http *h, const struct docker_http_request *q,
                               long *ret_status, struct buf *answer, struct err *e);

/* libcurl's version. Static. */
const char *docker_http_library(void);
