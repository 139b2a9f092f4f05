/* engine/agent/wire.h - datagrams with descriptors beside them. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "schema/base/base.h"

/* One datagram and at most AGENT_FDS_MAX descriptors, which are the caller's. Its length; 0 at the
 * end of the connection; -1 with errno (EAGAIN: nothing there and MSG_DONTWAIT was asked for,
 * EMSGSIZE: it or its descriptors did not fit, which leaves none open). */
NODISCARD ssize_t wire_receive(int fd, void *buf, size_t size, int *fds, size_t *ret_fds,
                               int flags);

/* One datagram with these descriptors, which stay the caller's. -1 with errno. */
int wire_send(int fd, const void *buf, size_t len, const int *fds, size_t fds_len);
