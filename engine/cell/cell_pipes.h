/* engine/cell/cell_pipes.h - default streams of a run: an empty stdin, and pipes for stdout and
 * stderr. A cell makes those of its next run during this one.
 *
 * Room     engine/cell.
 * Owns     its descriptors, until cell_pipes_close().
 * Threads  not locked.
 */
#pragma once

#include "schema/base/base.h"

struct cell_stdio;
struct err;

enum { CELL_OUT, CELL_ERR, CELL_PIPES };

struct cell_pipes {
    int stdin_fd;              /* -1, as for all of these: not made, or closed */
    int read_end[CELL_PIPES];  /* non-blocking */
    int write_end[CELL_PIPES]; /* the program's; it may block */
};

#define CELL_PIPES_NONE                                                                            \
    {                                                                                              \
        .stdin_fd = -1, .read_end = { -1, -1 }, .write_end = { -1, -1 }                            \
    }

/* Makes those that are -1. After a failure some of them may be made. */
NODISCARD int cell_pipes_make(struct cell_pipes *p, struct err *e);

/* Moves out what a run with these three streams needs: pipes to capture, and an empty stdin. The
 * caller owns them. */
struct cell_pipes cell_pipes_take(struct cell_pipes *p, const struct cell_stdio *stdio);

void cell_pipes_close(struct cell_pipes *p);
