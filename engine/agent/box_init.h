/* engine/agent/box_init.h - the first process of a box: sets up, starts the program, reaps,
 * reports. */
#pragma once

#include <sys/types.h>

struct box_plan;

struct box_init_plan {
    const struct box_plan *box;
    int control, start; /* our ends */
    uid_t program;      /* the program's uid as seen from inside */
};

_Noreturn void box_init_run(const struct box_init_plan *p);
