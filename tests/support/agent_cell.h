/* tests/support/agent_cell.h - one real cell, opened when it is needed, for tests of the agent in
 * it.
 *
 * Exits with 77 (skipped) where there is no Docker or no image to run in.
 */
#pragma once

#include "engine/cell/cell.h"
#include "schema/base/err.h"

#define AGENT_CELL_MEMORY (64 * MIB) /* of the program */
#define AGENT_CELL_PIDS   128
#define AGENT_CELL_TIME   NS_PER_S

/* box as for struct cell_host. The directory of cells is made and goes with agent_cell_stop(). */
void agent_cell_start(const char *box);
void agent_cell_stop(void);

/* The cell; opened again after a failed step has spent it. Fails the test when it cannot be. */
struct cell *agent_cell(void);
struct docker *agent_cell_docker(void);

/* Lets go of the cell as a server does that dies: without a word to Docker. */
void agent_cell_forget(void);

/* Fails the test unless nothing is left in the cell; a spent cell fails too. */
void agent_cell_prove(void);

/* A request with the limits above that runs exec_fd, or argv[0]. */
struct cell_request agent_cell_request(const char *const *argv, int exec_fd, int stdin_fd);

/* Runs it; fails the test when the cell breaks. The caller clears the result. */
struct cell_result agent_cell_run(const struct cell_request *q);

/* A request for `sh -c script`; argv lives as long as the caller's array. */
struct cell_request agent_cell_shell(const char *argv[4], const char *script);
struct cell_result agent_cell_run_shell(const char *script);

/* A sealed memfd of a file of this machine, which may be executed, or of a text. */
int agent_cell_file(const char *path);
int agent_cell_text(const char *text);
