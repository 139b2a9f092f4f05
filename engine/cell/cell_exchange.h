/* engine/cell/cell_exchange.h - one run as messages with the agent: sends the RUN, reads the pipes
 * during the run, checks the answer.
 *
 *     cell_exchange_begin() ... cell_exchange_poll() until it is over ... cell_exchange_finish()
 *                           \-------- cell_exchange_clear() drops it at any moment
 *
 * Room     engine/cell. Knows nothing of Docker.
 * Owns     its ends of the pipes and what was read, from begin until finish or clear.
 * Threads  no state but the exchange, which belongs to one thread at a time.
 * Errors   ERR_CELL: the agent is gone, sent a FAULT or an invalid answer. ERR_HOST: a FAULT,
 *          for the host had no memory or no core for the run. ERR_TIMEOUT: no answer until the
 *          deadline. ERR_CANCELLED: abort_fd became readable. After any failure the connection
 *          cannot be used any more.
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

/* What an exchange uses of its cell: borrowed until it has ended. */
struct cell_exchange_ends {
    int agent_fd;                  /* the connection, non-blocking */
    int abort_fd;                  /* an eventfd */
    struct cell_pipes *next_pipes; /* the run takes its pipes from here, and new ones are made */
};

enum cell_exchange_state { CELL_EXCHANGE_GOES_ON, CELL_EXCHANGE_ANSWERED, CELL_EXCHANGE_FAILED };

/* One run, from its RUN until finish or clear. */
struct cell_exchange {
    struct cell_exchange_ends ends;
    uint64_t nonce;
    int64_t deadline; /* clock_mono_ns(): the exchange fails then */
    enum cell_exchange_state state;
    struct err why; /* set when it failed */
    /* A read end is closed after its EOF. The write ends stay open until the agent has answered: an
     * earlier EOF would only wake this thread, which would then compete with the agent for a
     * core. */
    struct cell_pipes pipes;
    int64_t keep[CELL_PIPES]; /* bytes kept of each output */
    bool exceeded[CELL_PIPES];
    bool kill_sent;
    enum agent_collect collect;
    int64_t collect_max;
    struct cell_result result;
};

/* Sends the RUN. The request and the descriptors in it are borrowed for the call. After a failure
 * there is nothing to clear. */
NODISCARD int cell_exchange_begin(struct cell_exchange *x, const struct cell_exchange_ends *ends,
                                  const struct cell_request *q, struct err *e);

/* Reads what the programs write until one more exchange is over: its agent has answered, or it has
 * failed. Returns at once when none is in progress. At most CELL_POLL_MAX, all of this thread. */
void cell_exchange_poll(struct cell_exchange *const *x, size_t len);

/* Waits until it is over and clears x, also after a failure. On success the caller owns what is in
 * *ret_result; a failure leaves it untouched. */
NODISCARD int cell_exchange_finish(struct cell_exchange *x, struct cell_result *ret_result,
                                   struct err *e);

/* Asks the agent to end the run now, if it goes on; its answer comes soon. A failure shows in
 * cell_exchange_finish(). */
void cell_exchange_kill(struct cell_exchange *x);

/* Drops the exchange. If the agent has not answered yet, its answer would come later, so the
 * connection cannot be used any more. */
void cell_exchange_clear(struct cell_exchange *x);

/* Sets *e from a FAULT of the agent. Always -1. */
int cell_exchange_fault(const struct agent_fault *f, struct err *e);

/* Sends VERIFY and waits for CLEAN. Does not use ends->next_pipes. */
NODISCARD int cell_exchange_verify(const struct cell_exchange_ends *ends, struct err *e);
