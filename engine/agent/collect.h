/* engine/agent/collect.h - takes a build's artefact out of its box, when nothing lives in it. */
#pragma once

#include <stdint.h>

#include "engine/agent/protocol.h"
#include "schema/base.h"

struct fault;

/* Looks for `name` below the current directory, as the effective user, through no link. Only with
 * AGENT_COLLECTED is *ret_fd set: a sealed memfd, opened read-only, the caller's. */
NODISCARD int collect_artefact(enum agent_collect kind, const char *name, uint64_t max,
                               enum agent_collected *ret_what, int *ret_fd, struct fault *f);
