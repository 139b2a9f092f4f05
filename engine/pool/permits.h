/* engine/pool/permits.h - how many runs go on at once, over all workers: at most
 * RUNNER_MAX_PARALLEL.
 *
 * A worker has one permit from its first submission until it finds no other, so nothing that can be
 * judged waits while a permit is free. A submission may take further ones, each for one run that
 * goes ahead of its turn; a worker that comes back then waits for the end of one such run.
 *
 * Room     engine/pool. Knows nothing of cells.
 * Owns     its lock and condition.
 * Threads  any. Only permits_take() blocks.
 * Errors   ERR_NOMEM.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct permits;
struct err;

/* For so many workers. The caller owns *ret_cores. */
NODISCARD int permits_open(int64_t parallel, struct permits **ret_cores, struct err *e);
/* Takes NULL, returns NULL. */
struct permits *permits_free(struct permits *c);

/* One for a worker; waits while further runs use all of them. */
void permits_take(struct permits *c);
/* One for a further run. False: none is idle, or a worker waits for one; where this host has
 * fewer cores than workers, only so many count. Does not wait. */
NODISCARD bool permits_try(struct permits *c);
/* How many runs can go on at once on this host. */
int64_t permits_most(const struct permits *c);
/* True if permits_try() would succeed now. */
bool permits_idle(struct permits *c);
/* Gives one back. */
void permits_give(struct permits *c);

/* Ends all waits of permits_take(), also later ones; no further run begins. */
void permits_close(struct permits *c);
