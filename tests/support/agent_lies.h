/* tests/support/agent_lies.h - an agent of the test's own, which answers one run truthfully or with
 * a lie of our choice.
 *
 * Threads  agent_main() is a thread's function. Before it is started `agent` is filled; what it got
 * is read after it has ended.
 */
#pragma once

#include <stdbool.h>

#include "engine/agent/protocol.h"

#define ARTEFACT "artefact" /* what it built */

enum lie {
    TRUTH,
    WRONG_NONCE,
    WRONG_MAGIC,
    WRONG_KIND,
    SHORT,
    LONG,
    ENORMOUS,
    HANG_UP,
    FAULT,
    FAULT_OF_HOST,
    SILENCE,
    LIMIT_UNKNOWN,
    STARVED,
    KILLED_UNASKED,
    COLLECTED_UNKNOWN,
    NEGATIVE_CPU,
    NEGATIVE_WALL,
    STOPPED,
    HUGE_MEMORY,
    FD_UNASKED,
    FD_MISSING,
    FD_TWICE,
    FD_UNSEALED,
    FD_WRITABLE,
    FD_FILE,
    FD_PIPE,
    FD_TOO_LARGE,
};

extern struct agent {
    int fd; /* its end of the socket */
    enum lie lie;
    bool flood;     /* stdout until KILL */
    bool long_err;  /* much of stderr before its end */
    bool keep_pipe; /* somebody still holds the write end */
    int fds[AGENT_FDS_MAX];
    size_t fds_len;
    _Alignas(struct agent_run) char got[AGENT_MESSAGE_MAX];
    bool saw_kill;
} agent;

void *agent_main(void *arg);

/* The command that it got. */
const struct agent_run *agent_got(void);
