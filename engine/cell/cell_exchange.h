/* engine/cell/cell_exchange.h - the exchange with the agent about one run: the RUN is sent, the
 * pipes are read while it goes on, the answer is checked.
 *
 *     cell_exchange_begin() ... cell_exchange_poll() until it is over ... cell_exchange_finish()
 *                           \-------- cell_exchange_clear() gives it up at any moment
 *
 * Room     engine/cell. Has never heard of Docker.
 * Owns     from begin on, its ends of the pipes and what was read, until finish or clear.
 * Threads  no state beside the exchange, which belongs to one thread at a time.
 * Errors   ERR_CELL: the agent is gone, gave up or answers oddly. ERR_HOST: it gave up because the
 *          host had no memory or no core for the run. ERR_TIMEOUT: it said nothing until the last
 *          deadline. ERR_CANCELLED: abort_fd became readable. After any failure the connection is
 *          of no more use.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/cell/cell_pipes.h"
#include "engine/cell/cell_types.h"
#include "schema/base/base.h"
#include "schema/base/err.h"

struct agent_fault;

/* All borrowed, until the exchange has ended. */
struct cell_exchange_ends {
    int agent_fd;             /* the connection, non-blocking */
    int abort_fd;             /* an eventfd */
    struct cell_pipes *ahead; /* of the next run; what is used of it is made anew */
};

enum cell_exchange_state { CELL_EXCHANGE_GOES_ON, CELL_EXCHANGE_ANSWERED, CELL_EXCHANGE_FAILED };

/* One run, from its RUN to its end. */
struct cell_exchange {
    struct cell_exchange_ends ends;
    uint64_t nonce;
    int64_t deadline; /* clock_mono_ns(): nobody waits longer */
    enum cell_exchange_state state;
    struct err why; /* of one that failed */
    /* A read end is closed after its EOF. The write ends are kept until the agent has answered: an
     * EOF would wake us for nothing, and take a core from those who are about to say how it ended.
     */
    struct cell_pipes pipes;
    int64_t keep[CELL_PIPES]; /* bytes, of each */
    bool exceeded[CELL_PIPES];
    bool kill_sent;
    enum agent_collect collect;
    int64_t collect_max;
    struct cell_result result;
};

/* Sends the RUN. The request is borrowed for the call, also the descriptors in it. After a failure
 * there is nothing to clear. */
NODISCARD int cell_exchange_begin(struct cell_exchange *x, const struct cell_exchange_ends *ends,
                                  const struct cell_request *q, struct err *e);

/* Reads what the programs write until one more exchange is over: its agent has answered, or it has
 * failed. Returns at once when none goes on. At most CELL_POLL_MAX; of one thread. */
void cell_exchange_poll(struct cell_exchange *const *x, size_t len);

/* Waits until it is over, and gives the result to the caller. Nothing of x is left, also after a
 * failure, which leaves *ret_result untouched. */
NODISCARD int cell_exchange_finish(struct cell_exchange *x, struct cell_result *ret_result,
                                   struct err *e);

/* Gives it up: the agent will answer a RUN that nobody asks about any more, so its connection is of
 * no more use. */
void cell_exchange_clear(struct cell_exchange *x);

/* What an agent says that gave up, as an error: always -1. */
int cell_exchange_fault(const struct agent_fault *f, struct err *e);

/* One PROVE and its CLEAN. ends->ahead is not looked at. */
NODISCARD int cell_exchange_verify(const struct cell_exchange_ends *ends, struct err *e);
