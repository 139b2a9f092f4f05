/* engine/agent/box_init.h - init, the first process of a box: sets the box up, starts the program,
 * reaps processes, sends events to the agent. */
#pragma once

#include <sys/types.h>

struct box_plan;

struct box_init_plan {
    const struct box_plan *box;
    int control, start; /* init's ends of the two sockets of the box */
    uid_t program;      /* the program's uid as seen from inside */
};

_Noreturn void box_init_run(const struct box_init_plan *p);
