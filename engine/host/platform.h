/* engine/host/platform.h - can this host judge? One line per thing that matters, for `scrc
 * --check`, the start and later the System page.
 *
 * Room     engine/host: what this host offers, and what it lacks.
 *          May know schema/base, cell, docker and language.
 * Threads  any; blocks on Docker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/host/platform_finding.h"
#include "engine/language/language.h"
#include "schema/base/base.h"

struct err;
struct engine_config;

#define PLATFORM_FINDINGS_MAX 32

/* Looks at everything: Docker, API version, cgroup version, controllers, seccomp, kernel, swap,
 * core_pattern, SELinux, AppArmor, user-namespace remapping, which box maker works and why (starts
 * one cell when an image is there), images, free disk under Docker's root, clock. Never fails;
 * returns how many findings were written. */
size_t platform_check(const struct engine_config *c, const struct languages *l,
                      struct platform_finding out[PLATFORM_FINDINGS_MAX]);

#define PLATFORM_CELL_DIR      "/run/scrc"           /* the default of CELL_DIR... */
#define PLATFORM_CELL_DIR_EXEC "/var/lib/scrc/cells" /* ...and where /run is mounted noexec */

/* Makes CELL_DIR where it is missing, closes it to other users of this host and sees that an agent
 * can run from it. *ret_dir, which the caller owns, is its real path: dir, or
 * PLATFORM_CELL_DIR_EXEC in place of the default. ERR_PLATFORM says why it cannot work. */
NODISCARD int platform_cell_dir(const char *dir, char **ret_dir, struct err *e);

/* The directory (a real path) as dockerd sees it: dir itself, or, when this process runs in a
 * container, the source of the mount that holds it. Caller owns *ret_host_dir. ERR_PLATFORM says
 * why it cannot work; asks Docker only inside a container. */
struct docker;
NODISCARD int platform_host_dir(struct docker *d, const char *dir, char **ret_host_dir,
                                struct err *e);

/* False when this process runs in a container and DATA_DIR (which exists) goes when that does. */
bool platform_data_kept(const char *dir);
