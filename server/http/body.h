/* server/http/body.h - collects a request's body as it arrives, within the budget for all bodies.
 *
 * Room     server/http.
 * Threads  the one that serves the connection; body_hold() and body_replace(): the step's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

struct budget;
struct http_config;
struct request;

/* Initialises the budget, in bytes, for all bodies of a server. */
void body_budget(struct budget *b, const struct http_config *c);

/* Adds a piece, which is copied. False: the body is so much too large that the connection must be
 * closed without an answer. */
bool body_take(struct request *r, const char *data, size_t len);

/* Charges n bytes that are held beside the body until request_step() frees it. False: too many
 * are held, and nothing is charged. */
NODISCARD bool body_hold(struct request *r, size_t n);

/* What was made of a whole body takes its place; data (malloc) is taken over. What was held beside
 * it is held no more. False: too much is held, as above; the place is taken anyway. */
NODISCARD bool body_replace(struct request *r, char *data, size_t len);

/* Frees what has arrived and ignores the rest. At the end of the body this refusal is the answer,
 * and the connection is closed. why: static. */
void body_refuse(struct request *r, unsigned status, const char *why);
