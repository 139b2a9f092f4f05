/* engine/agent/box.h - what one run sees: no process, file, IPC object or uid of an earlier one.
 *
 *     box_open() --> READY, init and the program-to-be asleep
 *     the RUN goes to box->start; the program-to-be becomes the program
 *     notes come back: STARTED (start), then ENDED or FAILED (control)
 *     box_close(): nothing of it is left alive
 *
 * Two makers, one contract. NAMESPACES: fresh user, pid, ipc and mount namespaces; what was in them
 * goes with them. INPLACE: the same init and program in the container's own namespaces with a fresh
 * uid; files must be wiped afterwards (wipe.h).
 *
 * Owns     the process of init and two sockets, from box_open() to box_close().
 * Errors   0, or -1 with the fault filled.
 */
#pragma once

#include <sys/types.h>

#include "engine/agent/protocol.h"
#include "schema/base/base.h"

struct box_plan;
struct fault;

struct box {
    pid_t init; /* 0: there is no box */
    enum agent_isolation maker;
    int control, start;
    uid_t uid; /* of the program, as the container sees it */
};

NODISCARD int box_open(const struct box_plan *plan, struct box *ret_box, struct fault *f);

/* Kills what is left, waits for it and forgets the box. No box is fine. */
void box_close(struct box *b);
