/* engine/agent/box.h - what one run sees: no process, file, IPC object or uid of an earlier one.
 *
 *     box_open() --> READY, init and the program-to-be asleep
 *     the RUN goes to box->start; the program-to-be becomes the program
 *     notes come back: STARTED (start), then ENDED or FAILED (control)
 *     box_close(): nothing of it is left alive
 *
 * Two makers, one contract. NAMESPACES: fresh user, pid, ipc and mount namespaces; what was in them
 * goes with them. INPLACE: the same init and program in the container's own namespaces with a fresh
 * uid; files must be wiped afterwards (clean.h).
 *
 * Owns     the process of init and two sockets, from box_open() to box_close().
 * Errors   0, or -1 with the fault filled.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "engine/agent/cgroup.h"
#include "engine/agent/protocol.h"
#include "schema/base.h"

struct fault;

struct box_plan {
    enum agent_box maker;
    const char *workdir;
    uint64_t tmpfs_bytes, tmpfs_inodes;
    const struct cgroup *group;
    int view; /* INPLACE: from view_open(); -1 */
};

struct box {
    pid_t init; /* 0: there is no box */
    enum agent_box maker;
    int control, start;
    uid_t uid; /* of the program, as the container sees it */
};

/* From the box to the agent. */
enum box_says {
    BOX_READY = 1,   /* init: everything is set up */
    BOX_STARTED,     /* the program-to-be, at its last act before exec */
    BOX_EXEC_FAILED, /* the program-to-be: error is errno */
    BOX_FAILED,      /* ours: why says what */
    BOX_ENDED,       /* init: the main process has ended and nothing lives any more */
    BOX_COLLECTED,   /* init: with a descriptor when collected is AGENT_COLLECTED */
};

struct box_note {
    uint32_t says; /* enum box_says */
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
enum box_order_kind {
    BOX_MAPPED = 1, /* the user namespace has its maps */
    BOX_STOP,       /* end the run */
    BOX_COLLECT,    /* after ENDED */
};

struct box_order {
    uint32_t kind, collect; /* enum box_order_kind, enum agent_collect */
    uint64_t max;
    char name[AGENT_BUNDLE_NAME_MAX + 1];
};

NODISCARD int box_open(const struct box_plan *plan, struct box *ret_box, struct fault *f);

/* Kills what is left, waits for it and forgets the box. No box is fine. */
void box_close(struct box *b);

/* fork() into new namespaces. 0 in the child; -1 with errno. */
pid_t box_fork(int namespaces);

int64_t box_clock(clockid_t id);    /* nanoseconds; 0 when there is no such clock */
clockid_t box_cpu_clock(pid_t pid); /* of all threads of another process */
