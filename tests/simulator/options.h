/* tests/simulator/options.h - what the environment says.
 *
 * Room     tests. The names are those of the Go worker's simulator, and SCRIPT_RUN.
 * Owns     nothing: texts are borrowed from the environment.
 * Threads  main's, before anything else runs.
 * Errors   0, or -1 with *e filled (ERR_SETTING, which names the setting).
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "schema/base/base.h"

struct err;

struct options {
    const char *broker, *topic, *results_topic, *group;
    const char *log_path;
    const char *run;    /* "": ids without a prefix */
    int64_t iterations; /* 0: until a signal */
    int64_t interval_ms, wait_ms, poll_ms;
};

NODISCARD int options_read(struct options *ret_options, struct err *e);
void options_help(FILE *f);
