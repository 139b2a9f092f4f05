/* server/http/listen.h - HTTP_LISTEN: from "host:port" to a bound socket.
 *
 * Room     server/http.
 * Owns     nothing; the caller owns the socket.
 * Threads  any.
 * Errors   0, or -1 with *e filled: ERR_SETTING for a wrong or refused address, ERR_UNAVAILABLE for
 *          one that cannot be bound now.
 */
#pragma once

#include <stdbool.h>
#include <sys/time.h>

#include "schema/base/base.h"

struct err;

/* Binds, but does not listen yet, so that no client waits while the server starts. anonymous:
 * allows addresses that other machines can reach. */
NODISCARD int listen_bind(const char *address, bool anonymous, int *ret_fd, struct err *e);

/* Connects to the server that listens there; all addresses means this host. limit: for the
 * connection, and for each call that sends or receives. ERR_UNAVAILABLE: nobody answers. */
NODISCARD int listen_connect(const char *address, const struct timeval *limit, int *ret_fd,
                             struct err *e);

/* Whether only this machine can reach the socket. */
bool listen_is_loopback(int fd);

#define LISTEN_NAME_SIZE 64

/* Where the socket is bound, as "127.0.0.1:8080" or "[::1]:8080". */
void listen_name(int fd, char out[LISTEN_NAME_SIZE]);
