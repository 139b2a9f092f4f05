/* tests/support/talk.h - both ends of a talk with an agent: the exchange of engine/cell, and the
 * agent of agent_lies.h on a thread of its own. All fail the test where they cannot do it, but for
 * talk_exchange().
 *
 * Threads  there is one agent: one talk at a time.
 */
#pragma once

#include <pthread.h>

#include "engine/cell/cell_exchange.h"
#include "engine/cell/cell_pipes.h"
#include "tests/support/agent_lies.h"

struct talk {
    struct cell_exchange_ends ends;
    struct cell_pipes pipes;
    pthread_t thread;
};

/* Starts an agent that behaves like `how`. talk_end() joins it and closes all that is left. */
void talk_begin(struct talk *t, struct agent how);
void talk_end(struct talk *t);

/* A request with an empty input, for three arguments and one variable; 4 bytes of stderr are kept.
 */
struct cell_request talk_request(void);

/* The whole exchange; errors are those of cell_exchange_begin() and cell_exchange_finish(). */
int talk_exchange(const struct cell_exchange_ends *ends, const struct cell_request *q,
                  struct cell_result *ret_result, struct err *e);
