/* engine/agent/wire.h - sends and receives datagrams with descriptors. No state. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "schema/base/base.h"

/* Receives one datagram and at most AGENT_FDS_MAX descriptors, which the caller owns. Returns its
 * length; 0 at the end of the connection; -1 with errno (EAGAIN: nothing there, with MSG_DONTWAIT;
 * EMSGSIZE: it or its descriptors did not fit; none is left open). fds may be NULL where the sender
 * sends none. */
NODISCARD ssize_t wire_receive(int fd, void *buf, size_t size, int *fds, size_t *ret_fds,
                               int flags);

/* Sends one datagram with these descriptors, which stay the caller's. -1 with errno. */
int wire_send(int fd, const void *buf, size_t len, const int *fds, size_t fds_len);
