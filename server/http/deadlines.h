/* server/http/deadlines.h - all open connections, and the deadline of each.
 *
 * The library's own timeout is for inactivity: one byte a second keeps a connection open for ever.
 * Here each connection has a deadline for the whole request, and a thread shuts down the
 * connections that miss it.
 *
 * Room     server/http. Knows sockets; knows no HTTP.
 * Owns     struct connection, from deadlines_opened() to deadlines_closed().
 * Threads  any; a struct connection belongs to the thread that serves it.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "server/http/budget.h"
#include "server/http/recv.h"

struct deadlines;
struct err;
struct sockaddr;

struct connection {
    int fd;            /* borrowed */
    bool over_limit;   /* above the soft limit: answer 503 and close */
    uint64_t requests; /* whose headers have arrived */
    struct budget_client client;
    struct recv_connection recv; /* through which the library reads */

    /* private to deadlines.c */
    _Atomic int64_t deadline_ns; /* 0: none */
    struct connection *prev, *next;
};

/* timeout_ms: how long a whole request may take to arrive; soft_limit: further connections get
 * over_limit; head_limit: bytes of a request's head. */
NODISCARD int deadlines_open(int64_t timeout_ms, int64_t soft_limit, size_t head_limit,
                             struct deadlines **ret_deadlines, struct err *e);

/* Before anything is read from fd, which is borrowed. address: of the client, or NULL. NULL: out of
 * memory, or fd is too large a number (recv_watch()). */
struct connection *deadlines_opened(struct deadlines *d, int fd, const struct sockaddr *address);
/* Frees c. Call it before the descriptor is closed. Takes NULL. */
void deadlines_closed(struct deadlines *d, struct connection *c);

/* The stages of a request: its headers have arrived; it is whole, which stops the clock; its answer
 * is being sent; the answer has been sent. */
void deadlines_begun(struct deadlines *d, struct connection *c);
void deadlines_whole(struct deadlines *d, struct connection *c);
void deadlines_answering(struct deadlines *d, struct connection *c);
void deadlines_done(struct deadlines *d, struct connection *c);

/* How many connections are open. */
int64_t deadlines_count(struct deadlines *d);

/* Only when no connection is left. Takes NULL, returns NULL. */
struct deadlines *deadlines_free(struct deadlines *d);
