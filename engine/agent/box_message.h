/* engine/agent/box_message.h - what the agent, the init of a box and the program-to-be send one
 * another: one struct, one datagram.
 *
 * All of them are forks of one process, so there are no versions; who receives one checks its size.
 */
#pragma once

#include <stdint.h>

#include "engine/agent/protocol.h"

/* From the box to the agent. */
enum box_event_kind {
    BOX_READY = 1,   /* init: everything is set up */
    BOX_STARTED,     /* the program-to-be, at its last act before exec */
    BOX_EXEC_FAILED, /* the program-to-be: error is errno */
    BOX_FAILED,      /* ours: why says what */
    BOX_ENDED,       /* init: the main process has ended and nothing lives any more */
    BOX_COLLECTED,   /* init: with a descriptor when collected is AGENT_COLLECTED */
};

struct box_event {
    uint32_t says; /* enum box_event_kind */
    int32_t error;
    int32_t status;     /* ENDED: wait status of the main process */
    uint32_t stopped;   /* ENDED: because the agent said so */
    uint32_t collected; /* COLLECTED: enum agent_collected */
    uint32_t pad;
    int64_t mono_ns;  /* STARTED, ENDED: CLOCK_MONOTONIC */
    int64_t cpu_ns;   /* STARTED: the cgroup's counter */
    int64_t memory;   /* STARTED: the cgroup's counter; -1 when it is still as at READY */
    uint64_t max_rss; /* ENDED: bytes, the largest of all processes reaped */
    char why[240];
};

/* From the agent to init. EOF: kill everything and go. */
enum box_command_kind {
    BOX_MAPPED = 1, /* the user namespace has its maps */
    BOX_STOP,       /* end the run */
    BOX_COLLECT,    /* after ENDED */
};

struct box_command {
    uint32_t kind, collect; /* enum box_command_kind, enum agent_collect */
    uint64_t max;
    char name[AGENT_BUNDLE_NAME_MAX + 1];
};
