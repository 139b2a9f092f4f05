/* Any bytes as a RUN: one that the agent accepts holds all that it counts, and nothing is read
 * beyond it. The first byte is the number of descriptors beside it. */
#include <string.h>

#include "engine/agent/box_program.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t len = size - 1, at = 0, strings = 0;
    struct agent_run *run = malloc(len + 1); /* of just that size, but aligned */

    MUST(run);
    memcpy(run, data + 1, len);
    if (box_program_accepts(run, len, data[0])) {
        const char *name = box_program_collect_name(run);

        MUST(name >= run->blob && name < run->blob + run->blob_len);
        for (; at < run->blob_len; at += strlen(run->blob + at) + 1)
            strings++;
        MUST(at == run->blob_len && strings == (size_t)run->argc + run->envc + 1 + run->filec);
        MUST(run->filec <= AGENT_FILES_MAX && run->argc > 0 && run->cpu_limit_ns > 0);
        MUST(data[0] == 3 + run->exec_fd + run->filec);
    }
    free(run);
    return 0;
}
