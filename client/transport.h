/* client/transport.h - requests to the server at SCRC_URL (libcurl).
 *
 * Owns     a connection, which is used again, until transport_free().
 * Threads  one at a time for each transport; transport_start() once, before the others.
 * Errors   ERR_SETTING: the address is none; ERR_UNAVAILABLE: no answer came; ERR_NOMEM.
 *          An answer with an error status is no error here: see refusal.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/buf.h"

struct err;
struct transport;

/* Pieces of an answer as they come; false ends the transfer. */
typedef bool transport_piece_fn(void *ctx, const char *data, size_t len);

struct transport_request {
    const char *path; /* as "/languages"; percent-encoded */
    const char *body; /* borrowed; NULL: a GET, else a POST of JSON */
    size_t body_len;
    int64_t silence_ms;        /* how long nothing may come */
    transport_piece_fn *piece; /* NULL: the answer is gathered. Only bodies of a 200 come here */
    void *ctx;
};

struct transport_answer {
    long status;
    int64_t retry_after_s; /* 0: it does not say */
    struct buf body;       /* owned, at most 1 GiB */
    bool stopped;          /* by `piece` */
};

NODISCARD int transport_start(struct err *e);

/* url: NULL or "" is http://127.0.0.1:8080. A user and a password in it are sent (Basic). */
NODISCARD int transport_open(const char *url, struct transport **ret_transport, struct err *e);
struct transport *transport_free(struct transport *t);
DEFINE_CLEANUP(struct transport, transport_free)

/* *ret_answer is always written; transport_answer_clear() frees it. */
NODISCARD int transport_send(struct transport *t, const struct transport_request *q,
                             struct transport_answer *ret_answer, struct err *e);
void transport_answer_clear(struct transport_answer *a);

/* text percent-encoded for a path; the caller owns it. NULL: out of memory. */
char *transport_escape(const struct transport *t, const char *text);
