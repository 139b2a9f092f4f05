/* tests/agent/fixture.h - one real cell, opened when it is needed, for tests of the agent in it.
 *
 * Exits with 77 (skipped) where there is no Docker or no image to run in.
 */
#pragma once

#include "engine/cell/cell.h"
#include "schema/base/err.h"

#define FIXTURE_MEMORY (64 * MIB) /* of the program */
#define FIXTURE_PIDS   128
#define FIXTURE_TIME   NS_PER_S

/* box as for struct cell_host. The directory of cells is made and goes with fixture_stop(). */
void fixture_start(const char *box);
void fixture_stop(void);

/* The cell; opened again after a failed step has spent it. Fails the test when it cannot be. */
struct cell *fixture_cell(void);
struct docker *fixture_docker(void);

/* Lets go of the cell as a server does that dies: without a word to Docker. */
void fixture_forget(void);

/* Fails the test unless nothing is left in the cell; a spent cell fails too. */
void fixture_prove(void);

/* A request with the fixture's limits that runs exec_fd, or argv[0]. */
struct cell_request fixture_request(const char *const *argv, int exec_fd, int stdin_fd);

/* Runs it; fails the test when the cell breaks. The caller clears the result. */
struct cell_result fixture_run(const struct cell_request *q);

/* A request for `sh -c script`; argv lives as long as the caller's array. */
struct cell_request fixture_shell(const char *argv[4], const char *script);
struct cell_result fixture_run_shell(const char *script);

/* A sealed memfd of a file of this machine, which may be executed, or of a text. */
int fixture_file(const char *path);
int fixture_text(const char *text);
