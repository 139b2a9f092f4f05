/* engine/docker/docker.h - the Docker Engine calls we make, over its unix socket (libcurl).
 *
 * The API version is the lower of the daemon's and DOCKER_API_MAX, never below 1.41.
 *
 * Room     engine/docker: calls to Docker; docker_http.c alone includes curl.
 *          May know schema/base.
 * Owns     one keep-alive connection.
 * Threads  a handle belongs to one thread at a time; open one for each thread.
 * Errors   ERR_UNAVAILABLE: no answer (wait; no attempt is counted). ERR_NOT_FOUND: 404.
 *          ERR_TIMEOUT: no answer within the call's time. ERR_DISK: the daemon's disk is full.
 *          ERR_DOCKER: any other refusal, with the daemon's own message. docker_open()
 *          itself does not need the daemon.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/err.h"

struct docker;

#define DOCKER_API_MAX "1.47"

/* host: "unix:///var/run/docker.sock" (DOCKER_HOST; NULL = that one). ERR_SETTING for anything that
 * is not a unix socket: cells are reached through the file system of this host. */
NODISCARD int docker_open(const char *host, struct docker **ret_docker, struct err *e);
struct docker *docker_free(struct docker *d);
DEFINE_CLEANUP(struct docker, docker_free)

/* No call goes on beyond this moment (clock_mono_ns; INT64_MAX: none), the one in progress
 * included: ERR_CANCELLED, at most a second late. The daemon may still do what it was asked. From
 * any thread. */
void docker_until(struct docker *d, int64_t deadline_ns);

NODISCARD int docker_ping(struct docker *d, struct err *e);
/* GET /version and /info; the caller owns the reference. */
NODISCARD int docker_version(struct docker *d, json_t **ret_version, struct err *e);
NODISCARD int docker_info(struct docker *d, json_t **ret_info, struct err *e);

/* name is also the idempotency key: a create that libcurl repeated answers 409, which counts
 * as success when the container has our label `scrc.create` with the value in body. Borrows
 * body. Caller owns *ret_id. ERR_IMAGE: no such image. */
NODISCARD int docker_create(struct docker *d, const char *name, const json_t *body, char **ret_id,
                            struct err *e);
NODISCARD int docker_start(struct docker *d, const char *id, struct err *e);
NODISCARD int docker_inspect(struct docker *d, const char *id, json_t **ret_container,
                             struct err *e);
/* Sets Memory and MemorySwap, bytes. */
NODISCARD int docker_update_memory(struct docker *d, const char *id, int64_t bytes, struct err *e);
/* Sends SIGKILL. A container that does not run (409) or does not exist (404) is success. */
NODISCARD int docker_kill(struct docker *d, const char *id, struct err *e);
/* Waits until the container does not run; one that was never started or does not exist does not.
 * ERR_TIMEOUT after 2 s. */
NODISCARD int docker_await_end(struct docker *d, const char *id, struct err *e);
/* Removes it by force, with its anonymous volumes. 404 is success. */
NODISCARD int docker_remove(struct docker *d, const char *id, struct err *e);
/* All containers (running or not) with this label "key" or "key=value": GET /containers/json. */
NODISCARD int docker_list(struct docker *d, const char *label, json_t **ret_list, struct err *e);

/* GET /images/{ref}/json. ERR_IMAGE when it is not there. */
NODISCARD int docker_image(struct docker *d, const char *ref, json_t **ret_image, struct err *e);
NODISCARD int docker_volume_create(struct docker *d, const char *name, const json_t *labels,
                                   struct err *e);
/* All volumes with this label "key" or "key=value": GET /volumes. */
NODISCARD int docker_volume_list(struct docker *d, const char *label, json_t **ret_volumes,
                                 struct err *e);
/* 404 is success; refused while a container has it. */
NODISCARD int docker_volume_remove(struct docker *d, const char *name, struct err *e);

/* A POST without a time limit; each part of the answer is passed on as it arrives. All borrowed. */
struct docker_stream {
    const char *path;                                       /* behind the API version */
    bool (*piece)(void *ctx, const char *data, size_t len); /* false ends it: ERR_CANCELLED */
    void *ctx;
};
/* Any HTTP status is success. */
NODISCARD int docker_stream(struct docker *d, const struct docker_stream *s, long *ret_status,
                            struct err *e);

/* Checks a name from a setting or a language file before it becomes part of a URL path. An error
 * of this kind for a name that Docker does not accept. */
NODISCARD int docker_check_name(const char *name, enum err_kind kind, struct err *e);
