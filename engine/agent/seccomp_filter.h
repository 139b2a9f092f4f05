/* engine/agent/seccomp_filter.h - the second seccomp filter: system calls that fail inside a box.
 *
 * The container's own profile must allow the agent to make namespaces and mounts. This filter,
 * which a box's init installs before it starts the program, forbids them again, and what else no
 * judged program needs: keyrings, IPC that outlives processes, io_uring, bpf, every socket family
 * but unix, memory that no limit counts or that counts for the host's root, and every foreign ABI.
 */
#pragma once

#include <linux/filter.h>

#include "schema/base/base.h"

#define SECCOMP_FILTER_MAX 256 /* instructions */

/* Writes the program. Returns its length. */
unsigned seccomp_filter_make(struct sock_filter ret_code[SECCOMP_FILTER_MAX]);

/* For this process and all that it starts later. Needs no-new-privileges. -1 with errno. */
NODISCARD int seccomp_filter_install(void);
