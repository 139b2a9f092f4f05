/* engine/host/platform_host.h - what this host's own files say, taken apart.
 *
 * Room     engine/host.
 * Threads  any; only platform_host_read() touches the file system.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

/* The start of a small file, without the newline at its end. False when it cannot be read. */
bool platform_host_read(const char *path, char *out, size_t size);

#define PLATFORM_HOST_ID_SIZE 65

/* This process's own container, from /proc/self/mountinfo: Docker mounts
 * .../containers/<id>/hostname on /etc/hostname. False outside of one. */
bool platform_host_container(const char *mountinfo, char out[PLATFORM_HOST_ID_SIZE]);

/* False when dir (a real path inside a container) goes when the container does: it is on no mount
 * of its own, or on an anonymous volume, whose name is 64 hex digits. */
bool platform_host_keeps(const char *mountinfo, const char *dir);

/* KiB of swap that are on, from /proc/swaps. */
int64_t platform_host_swap(const char *swaps);

/* True when a crash starts a helper program (/proc/sys/kernel/core_pattern). */
bool platform_host_core_helper(const char *core_pattern);

/* "6.1.0-18-amd64" or "1.1.5+ds1": the numbers in front, 0 where there is none. */
struct platform_host_version {
    int major, minor, patch;
};
struct platform_host_version platform_host_version(const char *text);
/* As strcmp() has it. */
int platform_host_compare(struct platform_host_version a, struct platform_host_version b);

/* dir inside this container as the host has it: the source of the mount that holds it, with the
 * rest behind. container: GET /containers/{id}/json. NULL: it is on no mount, or out of memory. */
char *platform_host_source(json_t *container, const char *dir);
