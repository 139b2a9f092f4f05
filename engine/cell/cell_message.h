/* engine/cell/cell_message.h - makes the RUN message and its descriptors from a request.
 *
 * Room     engine/cell. Knows nothing of Docker.
 * Owns     nothing: descriptors that it opens for a message are closed when that is sent.
 * Threads  any; no state.
 * Errors   ERR_BUG: a request that the protocol cannot carry. ERR_NOMEM. ERR_CELL: the agent is
 *          gone.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/clock.h"

struct cell_pipes;
struct cell_request;
struct err;

/* Sends the RUN of this request. pipes has the descriptors that the request needs
 * (cell_pipes_take()). Borrows everything. Never blocks. */
NODISCARD int cell_message_send(int agent_fd, uint64_t nonce, const struct cell_request *q,
                                const struct cell_pipes *pipes, struct err *e);

/* A run without a wall limit of its own ends at the latest this long after its CPU limit. */
#define CELL_MESSAGE_WALL_CAP_NS (60 * NS_PER_S)

/* The longest wall time, in nanoseconds, of the program of this request. */
int64_t cell_message_wall_cap(const struct cell_request *q);
