/* engine/agent/seccomp_filter.h - the second seccomp filter: what nothing inside a box may ask for.
 *
 * The container's own profile must let the agent make namespaces and mounts; this one, put on by a
 * box's init before there is a program, takes them away again, with the rest of the kernel that no
 * judged program needs: boxes in boxes, keyrings, IPC that outlives processes, io_uring, bpf, every
 * socket family but unix, what is counted in no memory limit or in the host's root's, and every
 * foreign ABI.
 */
#pragma once

#include "schema/base/base.h"

/* For this process and all it will start. Needs no-new-privileges. -1 with errno. */
NODISCARD int seccomp_filter_install(void);
