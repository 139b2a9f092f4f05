/* engine/cell/cell_resident.h - a program that runs in a cell from its start and is talked to over
 * two pipes, its stdin and stdout.
 *
 * Room     engine/cell. Knows nothing of Docker, nor of what is said.
 * Owns     the server's ends of the pipes, until cell_resident_close().
 * Threads  not locked; one thread at a time.
 * Errors   as cell_send().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/cell/cell_types.h"
#include "schema/base/base.h"

struct err;

struct cell_resident {
    int in, out; /* we write to `in` and read from `out`; both non-blocking */
};
#define CELL_RESIDENT_NONE                                                                         \
    {                                                                                              \
        .in = -1, .out = -1                                                                        \
    }

/* The program's ends, to be closed when its run has begun. */
struct cell_resident_ends {
    int in, out;
};
void cell_resident_close_ends(struct cell_resident_ends *ends);

NODISCARD int cell_resident_open(struct cell_resident *r, struct cell_resident_ends *ret_ends,
                                 struct err *e);
void cell_resident_close(struct cell_resident *r);

/* The request that starts the program. Borrows spec. */
struct cell_request cell_resident_request(const struct cell_spec *spec,
                                          const struct cell_resident_ends *ends);

/* What ends a wait too early. */
struct cell_resident_wait {
    int agent_fd; /* readable: the program has ended */
    int abort_fd;
    int64_t deadline_ns; /* clock_mono_ns() */
};
NODISCARD int cell_resident_send(const struct cell_resident *r,
                                 const struct cell_resident_wait *wait, const void *data,
                                 size_t len, struct err *e);
NODISCARD int cell_resident_receive(const struct cell_resident *r,
                                    const struct cell_resident_wait *wait, void *data, size_t len,
                                    struct err *e);
