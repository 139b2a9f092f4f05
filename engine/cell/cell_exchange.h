/* engine/cell/cell_exchange.h - the talk with the agent about one run: what is sent, the pipes
 * while it goes on, the answer checked.
 *
 * Room     engine/cell. Has never heard of Docker.
 * Threads  no state of its own.
 * Errors   ERR_CELL: the agent is gone, gave up or answers oddly. ERR_HOST: it gave up because the
 *          host had no memory or no core for the run. ERR_TIMEOUT: it said nothing until the last
 *          deadline. ERR_CANCELLED: abort_fd became readable. After any failure the talk cannot go
 *          on.
 */
#pragma once

#include "schema/base/base.h"

struct agent_fault;
struct cell_pipes;
struct cell_request;
struct cell_result;
struct err;

/* The ends of one talk, all borrowed. */
struct cell_exchange_ends {
    int agent_fd;             /* the connection, non-blocking */
    int abort_fd;             /* an eventfd */
    struct cell_pipes *ahead; /* of the next run; used up and made anew. NULL: nothing is kept */
};

/* One RUN and its RESULT. */
NODISCARD int cell_exchange_run(const struct cell_exchange_ends *ends, const struct cell_request *q,
                                struct cell_result *ret_result, struct err *e);

/* What an agent says that gave up, as an error: always -1. */
int cell_exchange_fault(const struct agent_fault *f, struct err *e);

/* One PROVE and its CLEAN. */
NODISCARD int cell_exchange_verify(const struct cell_exchange_ends *ends, struct err *e);
