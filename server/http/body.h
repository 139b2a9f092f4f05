/* server/http/body.h - a request's body as it arrives, and what all of them may take together.
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

/* What all bodies of a server may take together. */
void body_budget(struct budget *b, const struct http_config *c);

/* A piece of it, which is copied. False: it goes on for so long that the connection is to be
 * closed without an answer. */
bool body_take(struct request *r, const char *data, size_t len);

/* What arrived is dropped and the rest not looked at: at the body's end this is the answer, and the
 * connection closes. why: static. */
void body_refuse(struct request *r, unsigned status, const char *why);
