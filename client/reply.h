/* client/reply.h - what the server's answers say.
 *
 * Owns     nothing: texts are borrowed from the JSON.
 * Threads  any; no state.
 * Errors   ERR_UNAVAILABLE: what answered is no scrc; otherwise as reply_refused() says.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct transport_answer;

/* The body of an answer, which must be an object. The caller owns *ret_object. */
NODISCARD int reply_object(const char *data, size_t len, json_t **ret_object, struct err *e);

/* Members; "" and `other` where there is none of that type. */
const char *reply_text(const json_t *object, const char *name);
int64_t reply_number(const json_t *object, const char *name, int64_t other);
/* The member `verdict`: a word of a report, which may go to a terminal as it is; "?": what is there
 * is none; "" where there is no text. */
const char *reply_verdict(const json_t *object);

/* Whether the same request may be answered otherwise a little later: 429, 503, 507. */
bool reply_is_temporary(long status);

/* Fills *e with what an answer with an error status says, the field that is wrong with it; returns
 * -1. ERR_CONFLICT: it is about what was sent (400, 409, 413, 415, 422); ERR_QUEUE_FULL: it is
 * temporary; else ERR_UNAVAILABLE. */
int reply_refused(const struct transport_answer *a, struct err *e);
