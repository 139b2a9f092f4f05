/* client/exchange.h - hands in a submission and waits for its report, with patience for a server
 * that is away, stopping or full.
 *
 * Owns     a struct exchange_result owns its texts, until exchange_result_clear().
 * Threads  one at a time for each transport.
 * Errors   as transport.h and reply.h say.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/buf.h"

struct err;
struct transport;
struct transport_answer;
struct transport_request;

struct exchange_result {
    char *id;          /* owned */
    struct buf report; /* owned; the JSON as it came. Empty: not final yet */
};
void exchange_result_clear(struct exchange_result *r);

/* transport_send(), which is repeated for patience_ms where no answer comes, or one that says that
 * it may be repeated: after Retry-After, else after a time that doubles up to 5 s. The last answer,
 * also one with an error status, is *ret_answer. */
NODISCARD int exchange_send(struct transport *t, const struct transport_request *q,
                            int64_t patience_ms, struct transport_answer *ret_answer,
                            struct err *e);

/* POSTs a submission. The server is given wait_ms to judge it at once. Repeating is safe only where
 * the submission has an id. *ret_result is always written. */
struct exchange_post {
    const char *body; /* borrowed */
    size_t body_len;
    int64_t wait_ms, patience_ms;
};
NODISCARD int exchange_submit(struct transport *t, const struct exchange_post *p,
                              struct exchange_result *ret_result, struct err *e);

/* Waits for the report of r->id. */
NODISCARD int exchange_await(struct transport *t, int64_t patience_ms, struct exchange_result *r,
                             struct err *e);
