/* engine/pool/cores.h - how many runs go on at once, over all workers: at most RUNNER_MAX_PARALLEL.
 *
 * A worker has one core from its first submission until it finds no other, so nothing that can be
 * judged waits while a core is free. A submission may take further ones, each for one run that goes
 * ahead of its turn; a worker that comes back then waits for the end of one such run.
 *
 * Room     engine/pool. Knows nothing of cells.
 * Owns     its lock and condition.
 * Threads  any. Only cores_enter() blocks.
 * Errors   ERR_NOMEM.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct cores;
struct err;

/* For so many workers. The caller owns *ret_cores. */
NODISCARD int cores_open(int64_t parallel, struct cores **ret_cores, struct err *e);
/* Takes NULL, returns NULL. */
struct cores *cores_free(struct cores *c);

/* A core for a worker; waits while further runs use all of them. */
void cores_enter(struct cores *c);
/* A core for a further run. False: none is idle, or a worker waits for one; where this host has
 * fewer cores than workers, only so many count. Does not wait. */
NODISCARD bool cores_try(struct cores *c);
/* True if cores_try() would succeed now. */
bool cores_idle(struct cores *c);
/* Gives back one core. */
void cores_leave(struct cores *c);

/* Ends all waits of cores_enter(), also later ones; no further run begins. */
void cores_close(struct cores *c);
