#include "engine/judge/judge_verdict.h"

#include <errno.h>
#include <stddef.h>

#include "schema/base/base.h"

bool judge_program_refused(int number)
{
    /* No program; and an interpreter that is not there, is none, or has a name that cannot be. */
    static const int theirs[] = { ENOEXEC, EINVAL, ENOENT,       ENOTDIR,
                                  EISDIR,  ELOOP,  ENAMETOOLONG, ELIBBAD };

    for (size_t i = 0; i < ARRAY_LEN(theirs); i++)
        if (number == theirs[i])
            return true;
    return false;
}

/* Memory first: nothing allocates after our kill, so an OOM kill that was counted came before any
 * other limit ended the run. It counts whoever it hit: a program whose helper was killed and that
 * then exits 0 has not kept its limit. */
static bool memory_passed(const struct judge_facts *facts)
{
    return facts->oom_kills > 0 || facts->runtime_oom ||
           (facts->strict_memory && facts->memory_bytes > facts->memory_limit);
}

/* The final reading decides for a program that ended by itself between two looks of the timer. One
 * that the timer ended is TL whatever the reading: the timer counts the box's own microseconds, the
 * reading does not, so it may say just under the limit; and what we killed is neither RE nor OK. */
static bool time_passed(const struct judge_facts *facts)
{
    return facts->cpu_passed || facts->wall_passed || facts->cpu_ns > facts->cpu_limit_ns ||
           (facts->wall_limit_ns > 0 && facts->wall_ns > facts->wall_limit_ns);
}

enum verdict judge_verdict(const struct judge_facts *facts)
{
    if (memory_passed(facts))
        return VERDICT_ML;
    if (time_passed(facts))
        return VERDICT_TL;
    if (facts->output_exceeded)
        return VERDICT_OL;
    return facts->signal != 0 || facts->exit_code != 0 ? VERDICT_RE : VERDICT_OK;
}
