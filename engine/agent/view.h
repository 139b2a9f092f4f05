/* engine/agent/view.h - hides most of /sys from a program where the box cannot mount over it.
 *
 * The agent reads the cell's counters under /sys/fs/cgroup, so the container must have them, and
 * everybody in it may read them. Landlock (Linux 5.19 and newer, where the kernel was started with
 * it) takes the right to read them, and most of /sys, from a process for good; it needs no
 * capability.
 */
#pragma once

#include "schema/base/base.h"

/* The Landlock rules for this container as a descriptor, which the caller owns; -1 where the kernel
 * has no Landlock. */
int view_open(void);

/* For this process and all that it starts later. Needs no-new-privileges. -1 with errno. */
NODISCARD int view_restrict(int view);
