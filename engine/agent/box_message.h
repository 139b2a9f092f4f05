/* engine/agent/box_message.h - messages between the agent, the init of a box and the process that
 * will be the program: one struct is one datagram.
 *
 * All of them are forks of one process, so there are no versions; the receiver checks the size.
 */
#pragma once

#include <stdint.h>

#include "engine/agent/protocol.h"

/* From the box to the agent. */
enum box_event_kind {
    BOX_READY = 1,   /* init: everything is set up */
    BOX_STARTED,     /* the program's process, last thing before exec */
    BOX_EXEC_FAILED, /* the program's process: error is errno */
    BOX_FAILED,      /* a fault of ours, described by why */
    BOX_ENDED,       /* init: the main process has ended and all others are dead */
    BOX_COLLECTED,   /* init: with a descriptor if collected is AGENT_COLLECTED */
};

struct box_event {
    uint32_t kind; /* enum box_event_kind */
    int32_t error;
    int32_t status;     /* ENDED: wait status of the main process */
    uint32_t stopped;   /* ENDED: not 0: because the agent sent STOP, or is gone */
    uint32_t collected; /* COLLECTED: enum agent_collected */
    uint32_t no_files;  /* ENDED: not 0: the program has left no file in memory */
    int64_t mono_ns;    /* STARTED, ENDED: CLOCK_MONOTONIC */
    int64_t cpu_ns;     /* STARTED: the cgroup's counter */
    int64_t memory;     /* STARTED: the cgroup's counter; -1: unchanged since READY */
    uint64_t max_rss;   /* ENDED: bytes, the largest of all processes reaped */
    char why[240];
};

/* From the agent to init. EOF means: kill everything. */
enum box_command_kind {
    BOX_MAPPED = 1, /* the uid and gid maps of the user namespace are written */
    BOX_STOP,       /* end the run */
    BOX_COLLECT,    /* after ENDED */
};

struct box_command {
    uint32_t kind, collect; /* enum box_command_kind, enum agent_collect */
    uint64_t max;
    char name[AGENT_ARCHIVE_NAME_MAX + 1];
};
