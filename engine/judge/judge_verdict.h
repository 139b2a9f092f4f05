/* engine/judge/judge_verdict.h - decides the verdict of one run from its limits and counters.
 *
 * Room     engine/judge. Pure functions.
 * Threads  any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/model/verdict.h"

/* Of one finished run. A fault of ours never gets here: it is an error. */
struct judge_facts {
    int64_t cpu_ns, cpu_limit_ns;
    bool wall_passed; /* the agent killed it at its wall limit */
    int64_t wall_ns,
        wall_limit_ns;  /* wall_limit 0: the agent has its own; only wall_passed counts */
    bool cpu_passed;    /* the agent killed it at its CPU limit */
    uint32_t oom_kills; /* counted by the kernel */
    bool runtime_oom;   /* language_out_of_memory() of a failed run */
    bool strict_memory; /* memory above the limit is ML even if nothing was killed */
    int64_t memory_bytes, memory_limit;
    bool output_exceeded; /* stdout passed the output limit */
    int signal;           /* 0: not killed by a signal */
    int exit_code;
};

/* Is it the program's fault that the kernel refused to execute it with this errno? An invalid
 * ELF file is; no memory, no descriptor or no permission is ours. */
bool judge_program_refused(int number);

/* The limit that was passed first, else RE, else VERDICT_OK: then the output is to be compared. */
enum verdict judge_verdict(const struct judge_facts *facts);
