/* server/http/listen.h - HTTP_LISTEN: from "host:port" to a bound socket.
 *
 * Room     server/http.
 * Owns     nothing; the caller owns the socket.
 * Threads  any.
 * Errors   0, or -1 with *e filled: ERR_SETTING for a wrong or refused address, ERR_UNAVAILABLE for
 *          one that cannot be had now.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"

struct err;

/* Binds, and does not listen yet: no client waits for a server that is still starting. anonymous:
 * addresses that others can reach are allowed. */
NODISCARD int listen_bind(const char *address, bool anonymous, int *ret_fd, struct err *e);

/* Whether nobody but this machine reaches the socket. */
bool listen_is_loopback(int fd);

#define LISTEN_NAME_SIZE 64

/* "127.0.0.1:8080", "[::1]:8080": where the socket is bound. */
void listen_name(int fd, char out[LISTEN_NAME_SIZE]);
