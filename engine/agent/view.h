/* engine/agent/view.h - what of /sys a program sees where the box cannot mount over it.
 *
 * The agent reads the cell's counters under /sys/fs/cgroup, so the container must have them; they
 * are readable for all. Landlock (Linux 5.19 and newer, where the kernel was started with it) takes
 * them, and the rest of /sys, out of a process's sight for good, without any capability.
 */
#pragma once

#include "schema/base/base.h"

/* The rules for this container as a descriptor, -1 where the kernel has no Landlock. The caller
 * owns it. */
int view_open(void);

/* For this process and all it will start. Needs no-new-privileges. -1 with errno. */
NODISCARD int view_restrict(int view);
