/* engine/host/host_dir.h - the directories that this server needs: CELL_DIR as this process and as
 * Docker see it, and whether DATA_DIR is kept.
 *
 * Room     engine/host.
 * Threads  any.
 * Errors   at each function.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"

struct docker;
struct err;

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
NODISCARD int host_dir_docker(struct docker *d, const char *dir, char **ret_host_dir,
                              struct err *e);

/* False when this process runs in a container and DATA_DIR (which exists) is lost with the
 * container. */
bool host_dir_kept(const char *dir);
