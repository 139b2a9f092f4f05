/* engine/host/host_trial.h - tries one cell: does it open, with which isolation mode, and what do
 * its life and a run in it cost?
 *
 * Room     engine/host.
 * Threads  any; blocks on Docker and on programs.
 */
#pragma once

#include "engine/host/host_capacity.h"
#include "engine/host/host_diagnostic.h"

struct docker;
struct engine_config;
struct language;

struct host_trial { /* all borrowed */
    const struct engine_config *config;
    struct docker *docker;
    const char *image; /* one that is there, or NULL */
    const struct language
        *interpreted; /* one that is not built, and has that image; NULL: none is there */
};

/* Fills in f, and *ret_capacity, which is all 0 when nothing could be measured. */
void host_trial_cell(const struct host_trial *t, struct host_diagnostic *f,
                     struct host_capacity *ret_capacity);
