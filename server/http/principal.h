/* server/http/principal.h - who makes a request, and what that client may do.
 *
 * A route names the right that it needs, a principal has a set of them, and the daemon compares the
 * two before a handler is called.
 *
 * Room     server/http.
 * Threads  any; no state.
 */
#pragma once

#include <stdbool.h>

struct request;

/* One bit each, so that a principal can have several. 0 is no right: a route without one is a fault
 * of its table. */
enum right {
    RIGHT_PUBLIC = 1 << 0, /* see the page, whether the server is alive and what its API is */
    RIGHT_READ = 1 << 1,   /* read submissions, reports, events and statistics */
    RIGHT_SUBMIT = 1 << 2, /* add submissions and cancel them */
    RIGHT_OPERATE = 1 << 3 /* see how the server and its host are, publish reports again */
};

#define RIGHTS_ALL ((unsigned)(RIGHT_PUBLIC | RIGHT_READ | RIGHT_SUBMIT | RIGHT_OPERATE))

struct principal {
    const char *name;  /* for messages; borrowed, lives as long as the request */
    unsigned rights;   /* of enum right */
    const char *owner; /* stored with what it submits; borrowed likewise; NULL: not identified */
};

/* Finds the principal of a request from its headers and its connection. Called for each request, on
 * the thread that serves the connection, so it must not block. A client that cannot be identified
 * is a principal with fewer rights. */
typedef struct principal principal_fn(const struct request *r);

/* A principal_fn: every client that reaches the port has all rights. */
struct principal principal_anonymous(const struct request *r);

bool principal_has(const struct principal *p, enum right right);

/* What the right allows, as in "may not ...". Static. */
const char *principal_right_text(enum right right);
