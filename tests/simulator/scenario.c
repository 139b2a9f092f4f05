#include "tests/simulator/scenario.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Embedded by CMake: each ends in a NUL. */
/* clang-format off */
#define PROGRAM_EXTERN(language, outcome) extern const char program_##language##_##outcome[];
#define LANGUAGE_EXTERNS(language, suffix) SCENARIO_OUTCOMES(PROGRAM_EXTERN, language)
SCENARIO_LANGUAGES(LANGUAGE_EXTERNS)

#define PROGRAM_ROW(language, outcome) { #language, #outcome, program_##language##_##outcome },
#define LANGUAGE_ROWS(language, suffix) SCENARIO_OUTCOMES(PROGRAM_ROW, language)
static const struct { const char *language, *outcome, *source; } scenarios[] = {
    SCENARIO_LANGUAGES(LANGUAGE_ROWS)
};
/* clang-format on */
_Static_assert(ARRAY_LEN(scenarios) == SCENARIO_COUNT, "five languages, five outcomes");

/* Limits, tests and verdicts go by the outcome. */
enum tests { NONE, EMPTY, SUMS };
static const struct {
    const char *outcome, *status, *test_statuses;
    int64_t time_limit_ms, memory_limit_bytes;
    enum tests tests;
} outcomes[] = {
    { "ok", "OK", "OK OK", 2000, 256 * MIB, SUMS }, { "wa", "WA", "WA -", 2000, 256 * MIB, SUMS },
    { "tl", "TL", "TL", 1000, 256 * MIB, EMPTY },   { "ml", "ML", "ML", 5000, 16 * MIB, EMPTY },
    { "bf", "BF", "", 2000, 256 * MIB, NONE },
};

const char *scenario_language(unsigned index) { return scenarios[index].language; }
const char *scenario_outcome(unsigned index) { return scenarios[index].outcome; }

static size_t outcome_of(unsigned index)
{
    size_t i = 0;
    while (strcmp(outcomes[i].outcome, scenarios[index].outcome) != 0)
        i++;
    return i;
}

const char *scenario_status(unsigned index) { return outcomes[outcome_of(index)].status; }
const char *scenario_test_statuses(unsigned index)
{
    return outcomes[outcome_of(index)].test_statuses;
}

void scenario_id(const char *run, unsigned index, int64_t iteration, char out[SCENARIO_ID_SIZE])
{
    int n = snprintf(out, SCENARIO_ID_SIZE, "%s%s%s-%s-%lld", run, *run ? "-" : "",
                     scenarios[index].language, scenarios[index].outcome, (long long)iteration);
    if (n >= SCENARIO_ID_SIZE)
        out[0] = '\0'; /* the bound on SCRIPT_RUN leaves room */
}

/* By making the id again, so that only one spelling of each is ours. */
int scenario_parse(const char *run, const char *id, unsigned *ret_index, int64_t *ret_iteration)
{
    char again[SCENARIO_ID_SIZE];
    const char *number = strrchr(id, '-');

    if (!number)
        return -1;
    errno = 0;
    long long iteration = strtoll(number + 1, NULL, 10);
    if (errno || iteration < 1)
        return -1;
    for (unsigned i = 0; i < SCENARIO_COUNT; i++) {
        scenario_id(run, i, iteration, again);
        if (strcmp(again, id) != 0)
            continue;
        *ret_index = i;
        *ret_iteration = iteration;
        return 0;
    }
    return -1;
}

/* ---- the message ---- */

static json_t *test_json(int number, const char *input, const char *expected)
{
    return json_pack("{s:i, s:s, s:s}", "number", number, "input", input, "expected_output",
                     expected);
}

static json_t *tests_json(enum tests tests)
{
    switch (tests) {
    case SUMS:
        return json_pack("[o, o]", test_json(1, "1 2 3\n", "6"), test_json(2, "10 -5 7\n", "12"));
    case EMPTY:
        return json_pack("[o]", test_json(1, "", ""));
    case NONE:
    default:
        return json_array();
    }
}

char *scenario_message(const char *id, unsigned index)
{
    size_t o = outcome_of(index);
    json_auto_t *message = json_pack(
        "{s:s, s:s, s:s, s:s, s:{s:I, s:I}, s:o}", "type", "script", "id", id, "language",
        scenarios[index].language, "source", scenarios[index].source, "limits", "time_limit_ms",
        (json_int_t)outcomes[o].time_limit_ms, "memory_limit_bytes",
        (json_int_t)outcomes[o].memory_limit_bytes, "tests", tests_json(outcomes[o].tests));
    return message ? json_dumps(message, JSON_COMPACT) : NULL;
}
