/* engine/cell/cell.h - one Docker container with our agent as PID 1.
 *
 *     cell_open() --> WARM --cell_begin()--> RUNNING --cell_finish()--> WARM ...
 *                       \--cell_verify_clean()--> WARM (for the next submission)
 *     any failed step --> DEAD: only cell_free() may follow
 *
 * A thread that has begun runs in several cells waits for all of them with cell_poll(). Two runs
 * can be joined by two pipes (CELL_STDIO_FD); the server copies nothing. The thread closes its own
 * ends when both runs have begun, else a program would not get EOF when the other one has ended.
 *
 * A cell whose spec names a resident program is RUNNING from cell_open() on: cell_send() and
 * cell_receive() talk to that program, and there is no other run. Its end is a failure.
 *
 * No data of a test goes through dockerd: descriptors go to the agent over a socket in the cell's
 * own directory (CELL_DIR/<name>), which the container sees read-only.
 *
 * Room     engine/cell: one container, and the server's end of the connection to its agent.
 *          May know schema/base, docker, and of the agent memfd.h and protocol.h.
 * Owns     one container and its directory, from cell_open() to cell_free().
 * Threads  not locked; a cell belongs to one thread at a time. Only cell_abort() may be called by
 *          another one.
 * Errors   0, or -1 with *e filled. A failing program is a result, not an error. ERR_CELL: this
 *          cell failed (agent gone, invalid answer, deadline passed). ERR_UNAVAILABLE, ERR_IMAGE,
 *          ERR_DOCKER: from Docker. ERR_CANCELLED after cell_abort().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/agent/protocol.h"
#include "engine/cell/cell_types.h"
#include "schema/base/base.h"

struct cell;
struct docker;
struct err;

/* Creates and starts a container and receives its agent's HELLO. Borrows host; copies spec. On
 * success the caller owns *ret_cell. Takes tens of milliseconds of CPU, so the pool calls it before
 * a cell is needed. */
NODISCARD int cell_open(struct docker *d, const struct cell_host *host,
                        const struct cell_spec *spec, struct cell **ret_cell, struct err *e);

/* Begins to run one command in a new box of a WARM cell. The request and what it names are borrowed
 * for the call. After a failure Docker is pinged with d, to see whose fault it was. */
NODISCARD int cell_begin(struct cell *c, struct docker *d, const struct cell_request *request,
                         struct err *e);

/* Waits until one more of the runs in these cells is over, and meanwhile reads the output of all.
 * Returns at once when none is in progress. At most CELL_POLL_MAX cells, all of this thread. */
void cell_poll(struct cell *const *cells, size_t len);

/* True when no run is in progress in it: cell_finish() will not wait. */
bool cell_over(const struct cell *c);

/* Ends the run in progress, if any, for a caller that needs no result: cell_finish() must follow
 * and takes a few milliseconds. Does not wait. */
void cell_kill(struct cell *c);

/* Waits for the end of the run. On failure *ret_result is untouched; else the caller owns what is
 * in it. d as above. */
NODISCARD int cell_finish(struct cell *c, struct docker *d, struct cell_result *ret_result,
                          struct err *e);

/* cell_begin(), then cell_finish(). */
NODISCARD int cell_run(struct cell *c, struct docker *d, const struct cell_request *request,
                       struct cell_result *ret_result, struct err *e);

/* Writes len bytes to the resident program's stdin; reads len bytes of its stdout. ERR_TIMEOUT at
 * deadline_ns (clock_mono_ns), ERR_CELL when the program has ended or closed the pipe,
 * ERR_CANCELLED after cell_abort(). After a failure the cell must be discarded. */
NODISCARD int cell_send(struct cell *c, const void *data, size_t len, int64_t deadline_ns,
                        struct err *e);
NODISCARD int cell_receive(struct cell *c, void *data, size_t len, int64_t deadline_ns,
                           struct err *e);

/* The agent verifies that nothing of the last submission is left. -1: discard the cell. */
NODISCARD int cell_verify_clean(struct cell *c, struct err *e);

/* Changes the container's memory limit; does nothing when it is the same. If Docker refuses, the
 * cell is DEAD. */
NODISCARD int cell_set_memory(struct cell *c, struct docker *d, int64_t bytes, struct err *e);

/* The run in progress, and later ones, fail with ERR_CANCELLED. From any thread. */
void cell_abort(struct cell *c);

/* True if the cell is WARM and its agent still connected; with a resident program, if that still
 * runs. Costs one poll(). */
bool cell_alive(const struct cell *c);
bool cell_is_resident(const struct cell *c); /* it has a resident program */
int64_t cell_memory(const struct cell *c);
const char *cell_id(const struct cell *c); /* the container's id; borrowed */
enum agent_isolation cell_isolation(const struct cell *c);
const char *
cell_isolation_why(const struct cell *c); /* why not namespaces; "" where they are in use */

/* Ends the agent and asks Docker once to remove the container. 0: it is removed, and cell_free()
 * does not ask again. */
NODISCARD int cell_remove(struct cell *c, struct docker *d, struct err *e);

/* Ends a run in progress, removes the container and its directory. d NULL: the container is left to
 * cell_orphans_remove(); its agent ends all the same, with the socket. Takes NULL and half-built
 * cells, never fails, returns NULL. */
struct cell *cell_free(struct cell *c, struct docker *d);
