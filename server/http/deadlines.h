/* server/http/deadlines.h - every open connection, and the clock that runs against it.
 *
 * The library's own time-out is one of inactivity: one byte a second keeps a connection for ever.
 * Here each connection has a deadline for its request to be whole, and a thread that shuts those
 * down that miss it.
 *
 * Room     server/http. Knows sockets, not HTTP.
 * Owns     struct connection, from deadlines_opened() to deadlines_closed().
 * Threads  any; a struct connection is used by the thread that serves it.
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
    bool over_limit;   /* one more than is served: answer 503 and close */
    uint64_t requests; /* whose headers were there */
    struct budget_client client;
    struct recv_connection recv; /* what the library reads */

    /* private to deadlines.c */
    _Atomic int64_t deadline_ns; /* 0: none */
    struct connection *prev, *next;
};

/* timeout_ms: for a request to arrive whole; soft: connections beyond it are `over`; head_limit:
 * bytes of a request's head. */
NODISCARD int deadlines_open(int64_t timeout_ms, int64_t soft_limit, size_t head_limit,
                             struct deadlines **ret_deadlines, struct err *e);

/* Before anything is read from it. address: of the client, or NULL. NULL out of memory. */
struct connection *deadlines_opened(struct deadlines *d, int fd, const struct sockaddr *address);
/* While the descriptor is still valid. Takes NULL. */
void deadlines_closed(struct deadlines *d, struct connection *c);

/* The four moments of a request: its headers are there; it is whole; its answer is on the way; the
 * answer has gone. */
void deadlines_begun(struct deadlines *d, struct connection *c);
void deadlines_whole(struct deadlines *d, struct connection *c);
void deadlines_answering(struct deadlines *d, struct connection *c);
void deadlines_done(struct deadlines *d, struct connection *c);

int64_t deadlines_count(struct deadlines *d);

/* When no connection is left. Takes NULL, returns NULL. */
struct deadlines *deadlines_free(struct deadlines *d);
