/* engine/host/host_facts.h - parses what files below /proc say about this host.
 *
 * Room     engine/host.
 * Threads  any; only host_facts_read() touches the file system.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

/* Reads the start of a small file, without the newline at its end. False when it cannot be read. */
bool host_facts_read(const char *path, char *out, size_t size);

#define HOST_FACTS_ID_SIZE 65

/* This process's own container, from /proc/self/mountinfo: Docker mounts
 * .../containers/<id>/hostname on /etc/hostname. False outside of one. */
bool host_facts_container(const char *mountinfo, char out[HOST_FACTS_ID_SIZE]);

/* False when dir (a real path inside a container) is lost with the container: it is on no mount
 * of its own, or on an anonymous volume, whose name is 64 hex digits. */
bool host_facts_keeps(const char *mountinfo, const char *dir);

/* KiB of swap that are on, from /proc/swaps. */
int64_t host_facts_swap(const char *swaps);

/* True when a crash starts a helper program (/proc/sys/kernel/core_pattern). */
bool host_facts_core_helper(const char *core_pattern);

/* "6.1.0-18-amd64" or "1.1.5+ds1": the numbers in front, 0 where there is none. */
struct host_facts_version {
    int major, minor, patch;
};
struct host_facts_version host_facts_version(const char *text);
/* As strcmp() has it. */
int host_facts_compare(struct host_facts_version a, struct host_facts_version b);

/* dir inside this container as the host has it: the source of the mount that holds it, with the
 * rest behind. container: GET /containers/{id}/json. NULL: it is on no mount, or out of memory. */
char *host_facts_source(json_t *container, const char *dir);
