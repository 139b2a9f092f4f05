/* engine/cell/cell_socket.h - the socket to one agent: whole messages, with descriptors beside
 * them.
 *
 * Room     engine/cell. Knows datagrams, not what they mean.
 * Threads  no state of its own.
 * Errors   ERR_CELL: the other end is gone, or sent what no agent of ours sends.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/base/base.h"

struct err;

/* A socket named dir_fd/name that anybody who can reach it may connect to; it listens for one. */
NODISCARD int cell_socket_listen(int dir_fd, const char *name, int *ret_listener, struct err *e);

/* Who connected, as the kernel tells it. */
struct cell_socket_peer {
    pid_t pid; /* 0: of no pid namespace that we see */
    uid_t uid;
};

/* The first connection that is waiting there. */
NODISCARD int cell_socket_accept(int listener, int *ret_fd, struct cell_socket_peer *ret_peer,
                                 struct err *e);

#define CELL_SOCKET_FDS_MAX 16

/* One message; fds are borrowed. Never blocks. */
NODISCARD int cell_socket_send(int fd, const void *message, size_t len, const int *fds,
                               size_t fds_len, struct err *e);

/* Receives one message of at most size bytes and at most one descriptor (-1 in *ret_fd for none,
 * else the caller owns it). Never blocks: poll first. */
NODISCARD int cell_socket_receive(int fd, void *message, size_t size, size_t *ret_len, int *ret_fd,
                                  struct err *e);
