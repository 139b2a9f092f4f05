/* engine/agent/collect.h - copies a build's artefact out of its box, when all processes in it are
 * dead. */
#pragma once

#include <stdint.h>

#include "engine/agent/protocol.h"
#include "schema/base/base.h"

struct fault;

struct collect_query {
    enum agent_collect kind;
    const char *name; /* below the current directory */
    uint64_t max;     /* bytes */
    int out;          /* an empty memfd of a program; borrowed */
};

/* Opens the name as the effective user, follows no link, and copies it to `out`. Only with
 * AGENT_COLLECTED is *ret_fd set: the same memfd, sealed and opened read-only, which the caller
 * owns. A read or a write that fails is a fault. */
NODISCARD int collect_artefact(const struct collect_query *q, enum agent_collected *ret_what,
                               int *ret_fd, struct fault *f);
