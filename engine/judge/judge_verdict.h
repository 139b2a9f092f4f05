/* engine/judge/judge_verdict.h - what limits and counters say: the verdict, as one pure function.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/model/verdict.h"

/* The facts of one finished run. Infrastructure faults never come here: they are errors. */
struct judge_facts {
    int64_t cpu_ns, cpu_limit_ns;
    bool wall_passed;               /* the agent ended it at its wall limit */
    int64_t wall_ns, wall_limit_ns; /* wall_limit 0: derived by the agent, judged by wall_passed */
    bool cpu_passed;                /* the agent ended it at its CPU limit */
    uint32_t oom_kills;             /* counted by the kernel */
    bool runtime_oom;               /* language_out_of_memory() of a failed run */
    bool strict_memory;             /* memory above the limit is ML even if nothing was killed */
    int64_t memory_bytes, memory_limit;
    bool output_exceeded; /* stdout passed its cap */
    int signal;           /* 0: not killed by one */
    int exit_code;
};

/* Is it the program's own fault that the kernel refused to execute it, with this errno? What its
 * ELF file says can be wrong; whether there is memory, a descriptor or a right to it is our matter.
 */
bool judge_program_refused(int number);

/* The limit that fired first, else RE, else VERDICT_OK, which means: ask the checker. */
enum verdict judge_verdict(const struct judge_facts *facts);
