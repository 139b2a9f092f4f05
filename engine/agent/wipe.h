/* engine/agent/wipe.h - removes what an earlier run has left, and verifies that nothing is left.
 *
 * A place is a mount of the container in memory that everybody may write to: the work directory,
 * /tmp, /dev/shm, /dev/mqueue and others. Volumes are not places: what is written to a writable one
 * is kept on purpose.
 *
 * Owns     a descriptor for each place, from wipe_find() to the end of the process.
 * Errors   0, or -1 with *f filled.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "schema/base/base.h"

struct fault;

#define WIPE_PLACES_MAX 16

struct wipe {
    size_t len;
    struct wipe_place {
        int fd;
        dev_t dev;
        char path[80];
    } places[WIPE_PLACES_MAX];
};

NODISCARD int wipe_find(struct wipe *ret_wipe, struct fault *f);

/* Removes from all places what uid and root own. All processes of that uid must be dead. */
NODISCARD int wipe_remove(const struct wipe *w, uid_t uid, struct fault *f);

/* 0: there is no file in any place, no process but the agent, no System V object. */
NODISCARD int wipe_verify(const struct wipe *w, struct fault *f);
