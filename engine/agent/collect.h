/* engine/agent/collect.h - takes a build's artefact out of its box, when nothing lives in it. */
#pragma once

#include <stdint.h>

#include "engine/agent/protocol.h"
#include "schema/base/base.h"

struct fault;

/* Looks for `name` below the current directory, as the effective user, through no link, and copies
 * it to `out`, an empty memfd of a program, which is borrowed. Only with AGENT_COLLECTED is *ret_fd
 * set: the same memfd, sealed and opened read-only, the caller's. A read or a write that fails is a
 * fault. */
NODISCARD int collect_artefact(enum agent_collect kind, const char *name, uint64_t max, int out,
                               enum agent_collected *ret_what, int *ret_fd, struct fault *f);
