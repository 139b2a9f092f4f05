#include "engine/judge/judge_verdict.h"

#include <errno.h>
#include <stddef.h>

#include "schema/base/base.h"

bool judge_program_refused(int number)
{
    /* Not an executable; or its interpreter is missing, is no executable, or has an invalid
     * name. */
    static const int theirs[] = { ENOEXEC, EINVAL, ENOENT,       ENOTDIR,
                                  EISDIR,  ELOOP,  ENAMETOOLONG, ELIBBAD };

    for (size_t i = 0; i < ARRAY_LEN(theirs); i++)
        if (number == theirs[i])
            return true;
    return false;
}

/* Memory comes first: nothing allocates after we have killed the program, so an OOM kill that
 * was counted came before any other limit. It counts whichever process it hit: a program whose
 * child was killed has passed its limit, even if it exits with 0. */
static bool memory_passed(const struct judge_facts *facts)
{
    return facts->oom_kills > 0 || facts->runtime_oom ||
           (facts->strict_memory && facts->memory_bytes > facts->memory_limit);
}

/* The final reading decides for a program that exited between two checks of the timer. If the
 * timer has killed it, it is TL whatever the reading: the timer counts microseconds of the box
 * itself, which the reading does not contain, so the reading may be just under the limit; and a
 * program that we killed is neither RE nor OK. */
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
