/* server/http/body.h - collects a request's body as it arrives, within the budget for all bodies.
 *
 * Room     server/http.
 * Threads  the one that serves the connection.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct budget;
struct http_config;
struct request;

/* Initialises the budget, in bytes, for all bodies of a server. */
void body_budget(struct budget *b, const struct http_config *c);

/* Adds a piece, which is copied. False: the body is so much too large that the connection must be
 * closed without an answer. */
bool body_take(struct request *r, const char *data, size_t len);

/* Frees what has arrived and ignores the rest. At the end of the body this refusal is the answer,
 * and the connection is closed. why: static. */
void body_refuse(struct request *r, unsigned status, const char *why);
