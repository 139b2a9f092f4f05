/* engine/agent/box.h - what one run sees: no process, file, IPC object or uid of an earlier one.
 *
 *     box_open() --> READY: init and the process that will be the program wait
 *     the RUN goes to box->start; that process executes the program
 *     events come back: STARTED (start), then ENDED or FAILED (control)
 *     box_close(): no process of it is alive
 *
 * Two isolation modes, one contract. NAMESPACES: new user, pid, ipc and mount namespaces; the
 * kernel removes what was in them together with them. INPLACE: the same init and program in the
 * container's own namespaces with a new uid; files must be wiped afterwards (wipe.h).
 *
 * Owns     the process of init and two sockets, from box_open() to box_close().
 * Errors   0, or -1 with *f filled.
 */
#pragma once

#include <sys/types.h>

#include "engine/agent/protocol.h"
#include "schema/base/base.h"

struct box_plan;
struct fault;

struct box {
    pid_t init; /* 0: there is no box */
    enum agent_isolation isolation;
    int control, start;
    uid_t uid; /* of the program, as the container sees it */
};

NODISCARD int box_open(const struct box_plan *plan, struct box *ret_box, struct fault *f);

/* Kills what is left, waits for it and empties *box. Does nothing when there is no box. */
void box_close(struct box *box);
