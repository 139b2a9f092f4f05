/* engine/cell/cell_message.h - a request as the agent receives it: the RUN message, and the
 * descriptors beside it.
 *
 * Room     engine/cell. Has never heard of Docker.
 * Owns     nothing: what it opens for a message is closed when that is sent.
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

/* Sends the RUN of this request. pipes has what the request needs (cell_pipes_take()); all is
 * borrowed. Never blocks. */
NODISCARD int cell_message_send(int agent_fd, uint64_t nonce, const struct cell_request *q,
                                const struct cell_pipes *pipes, struct err *e);

/* Where the wall limit is derived, no run goes on longer than this above its CPU limit. */
#define CELL_MESSAGE_WALL_CAP_NS (60 * NS_PER_S)

/* The longest time, in nanoseconds, that the program of this request may go on. */
int64_t cell_message_wall_cap(const struct cell_request *q);
