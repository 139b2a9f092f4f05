/* engine/agent/wipe.h - nothing of an earlier run is left: wiping, and the proof.
 *
 * Places are the container's mounts that anybody may write to: the work directory, /tmp, /dev/shm,
 * /dev/mqueue and whatever else there is in memory. Volumes are not: who mounts one writable wants
 * it kept.
 *
 * Owns     a descriptor for each place, from wipe_find() to the end of the process.
 * Errors   0, or -1 with the fault filled.
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

NODISCARD int wipe_find(struct wipe *ret_clean, struct fault *f);

/* Empties all places of what uid and we ourselves own in them. No process of that uid may live. */
NODISCARD int wipe_remove(const struct wipe *c, uid_t uid, struct fault *f);

/* No file in any place, no process but us, no System V object. */
NODISCARD int wipe_verify(const struct wipe *c, struct fault *f);
