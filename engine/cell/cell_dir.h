/* engine/cell/cell_dir.h - the directories under CELL_DIR: each cell has one, with its own copy of
 * the agent and, until the agent has connected, the socket.
 *
 *     CELL_DIR/scrc-<table>-<instance>-<number>-<secret>/{agent,socket}
 *
 * A program can read the name of its own cell's directory in its mountinfo, so each name has a
 * secret of its own: the path of the next socket cannot be guessed.
 *
 * Room     engine/cell.
 * Threads  any.
 * Errors   ERR_DISK.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

struct err;

#define CELL_DIR_NAME_SIZE 80

/* Makes the name of a cell, for its directory and its container. Unique in this process. */
void cell_dir_name(const char *table, const char *instance, char out[CELL_DIR_NAME_SIZE]);

/* Makes base/name and writes the agent into it. The caller owns *ret_dir_fd. A failure leaves
 * nothing. */
NODISCARD int cell_dir_make(const char *base, const char *name, int *ret_dir_fd, struct err *e);

/* Removes base/name and what is in it. Does not report failure: a later sweep removes what is
 * left. */
void cell_dir_remove(const char *base, const char *name);

/* Removes the directories left by earlier instances of the server with this job table. */
void cell_dir_sweep(const char *base, const char *table, const char *instance);
