/* engine/cell/cell_pipes.h - what a run reads and writes where it has nothing else: an empty stdin,
 * and pipes for stdout and stderr. A cell has those of its next run ready, made while this one goes
 * on.
 *
 * Room     engine/cell.
 * Owns     its descriptors, until cell_pipes_close().
 * Threads  none of its own.
 */
#pragma once

#include "schema/base/base.h"

struct cell_stdio;
struct err;

enum { CELL_OUT, CELL_ERR, CELL_PIPES };

struct cell_pipes {
    int stdin_fd;              /* -1, as all here: not made, or closed */
    int read_end[CELL_PIPES];  /* non-blocking */
    int write_end[CELL_PIPES]; /* the program's; it may block */
};

#define CELL_PIPES_NONE                                                                            \
    {                                                                                              \
        .stdin_fd = -1, .read_end = { -1, -1 }, .write_end = { -1, -1 }                            \
    }

/* Makes all that is not there. After a failure some may be. */
NODISCARD int cell_pipes_make(struct cell_pipes *p, struct err *e);

/* Takes out what a run with these three streams needs: what it captures, and an empty stdin. */
struct cell_pipes cell_pipes_take(struct cell_pipes *p, const struct cell_stdio *stdio);

void cell_pipes_close(struct cell_pipes *p);
