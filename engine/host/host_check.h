/* engine/host/host_check.h - can this host judge? One diagnostic for each thing that matters, for
 * `scrc --check`, the start and the System page.
 *
 * Room     engine/host: what this host offers, and what it lacks.
 *          May know schema/base, cell, docker and language.
 * Threads  any; blocks on Docker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/host/host_diagnostic.h"
#include "engine/language/language.h"
#include "schema/base/base.h"

struct err;
struct engine_config;

#define HOST_DIAGNOSTICS_MAX 32

/* Checks Docker and the host: daemon, API version, cgroup version, controllers, seccomp, kernel,
 * swap, core_pattern, SELinux, AppArmor, user-namespace remapping, which isolation mode works and
 * why (starts one cell when an image is there), images, free disk under Docker's root, clock. Never
 * fails; returns how many diagnostics were written. */
size_t host_check(const struct engine_config *c, const struct language_table *l,
                  struct host_diagnostic out[HOST_DIAGNOSTICS_MAX]);

#define HOST_CELL_DIR      "/run/scrc"           /* the default of CELL_DIR... */
#define HOST_CELL_DIR_EXEC "/var/lib/scrc/cells" /* ...and where /run is mounted noexec */

/* Makes CELL_DIR where it is missing, closes it to other users of this host and checks that an
 * agent can be executed from it. *ret_dir, which the caller owns, is its real path: dir, or
 * HOST_CELL_DIR_EXEC in place of the default. ERR_PLATFORM: the directory cannot be used; the
 * message says why. */
NODISCARD int host_dir_cells(const char *dir, char **ret_dir, struct err *e);

/* The directory (a real path) as dockerd sees it: dir itself, or, when this process runs in a
 * container, the source of the mount that holds it. Caller owns *ret_host_dir. ERR_PLATFORM says
 * why it cannot work; asks Docker only inside a container. */
struct docker;
NODISCARD int host_dir_docker(struct docker *d, const char *dir, char **ret_host_dir,
                              struct err *e);

/* False when this process runs in a container and DATA_DIR (which exists) is lost with the
 * container. */
bool host_dir_kept(const char *dir);
