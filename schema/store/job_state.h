/* schema/store/job_state.h - the states of a job.
 *
 *     accept --> QUEUED --claim--> RUNNING --finish--> DONE
 *                  ^  \               |  \
 *                  |   cancel         |   cancel --> CANCELLED (final, with a report)
 *                  +---- requeue; after a death of the server at its next start
 *
 * Room     schema/store.
 * Threads  any; no state.
 */
#pragma once

#include <stdbool.h>

#define JOB_STATES(X)                                                                              \
    X(JOB_QUEUED, "queued")                                                                        \
    X(JOB_RUNNING, "running")                                                                      \
    X(JOB_DONE, "done")                                                                            \
    X(JOB_CANCELLED, "cancelled")

#define JOB_STATE_ENUM(state, name) state,
enum job_state { JOB_STATES(JOB_STATE_ENUM) JOB_STATE_COUNT };
#undef JOB_STATE_ENUM
const char *job_state_name(enum job_state s);
bool job_state_from_name(const char *name, enum job_state *ret_state);
static inline bool job_state_is_final(enum job_state s) { return s >= JOB_DONE; }
