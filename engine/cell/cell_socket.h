/* engine/cell/cell_socket.h - the socket to one agent: whole messages with descriptors.
 *
 * Room     engine/cell. Knows datagrams, not what they mean.
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   ERR_CELL: the other end is gone, or sent what no agent of ours sends. ERR_NOMEM and
 *          ERR_DISK: the socket could not be made.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/base/base.h"

struct err;

/* Makes a socket named dir_fd/name that listens for one connection, of any user who can reach it.
 * The caller owns *ret_listener. */
NODISCARD int cell_socket_listen(int dir_fd, const char *name, int *ret_listener, struct err *e);

/* The process that connected, from the kernel. */
struct cell_socket_peer {
    pid_t pid; /* 0: in a pid namespace that we do not see */
    uid_t uid;
};

/* Accepts the first waiting connection; non-blocking, and the caller owns it. */
NODISCARD int cell_socket_accept(int listener, int *ret_fd, struct cell_socket_peer *ret_peer,
                                 struct err *e);

#define CELL_SOCKET_FDS_MAX 16

/* Sends one message; fds are borrowed. Never blocks. ERR_BUG: too many fds. */
NODISCARD int cell_socket_send(int fd, const void *message, size_t len, const int *fds,
                               size_t fds_len, struct err *e);

/* Receives one message of at most size bytes and at most one descriptor (-1 in *ret_fd for none,
 * else the caller owns it). Never blocks: poll first. */
NODISCARD int cell_socket_receive(int fd, void *message, size_t size, size_t *ret_len, int *ret_fd,
                                  struct err *e);
