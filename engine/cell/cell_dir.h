/* engine/cell/cell_dir.h - the directories under CELL_DIR: one for each cell, with its own copy of
 * the agent and, until the agent has connected, the socket.
 *
 *     CELL_DIR/scrc-<table>-<instance>-<number>-<secret>/{agent,socket}
 *
 * A program can read the name of its own cell's directory in its mountinfo, so each has a secret of
 * its own: nobody knows where the next socket will be.
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

/* The name of one cell: of its directory and of its container. Unique in this process. */
void cell_dir_name(const char *table, const char *instance, char out[CELL_DIR_NAME_SIZE]);

/* Makes base/name and writes the agent into it. The caller owns *ret_dir_fd. On failure nothing is
 * left. */
NODISCARD int cell_dir_make(const char *base, const char *name, int *ret_dir_fd, struct err *e);

/* Removes base/name and what is in it. Never fails: what it leaves, the next sweep finds. */
void cell_dir_remove(const char *base, const char *name);

/* Removes the directories that earlier instances of this table have left. */
void cell_dir_sweep(const char *base, const char *table, const char *instance);
