/* tests/simulator/scenario.h - the 25 scripts: five languages, five outcomes, and what is right.
 *
 *     id: [RUN-]<language>-<outcome>-<iteration>, iterations from 1
 *
 * Room     tests. The programs (tests/programs) are inside the executable.
 * Owns     nothing; all is constant.
 * Threads  any.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

#define SCENARIO_LANGUAGES(X) X(python, py) X(go, go) X(c, c) X(cpp, cpp) X(java, java)
#define SCENARIO_OUTCOMES(X, language)                                                             \
    X(language, ok) X(language, wa) X(language, tl) X(language, ml) X(language, bf)

#define SCENARIO_COUNT   25
#define SCENARIO_ID_SIZE 160

/* "python", "ok"; index below SCENARIO_COUNT. Static. */
const char *scenario_language(unsigned index);
const char *scenario_outcome(unsigned index);

/* What the result must say: "OK", and of its tests "OK OK". Static. */
const char *scenario_status(unsigned index);
const char *scenario_test_statuses(unsigned index);

void scenario_id(const char *run, unsigned index, int64_t iteration, char out[SCENARIO_ID_SIZE]);

/* Reads an id of this run back; -1 when it is none. */
NODISCARD int scenario_parse(const char *run, const char *id, unsigned *ret_index,
                             int64_t *ret_iteration);

/* The message as JSON. The caller owns the text; NULL out of memory. */
char *scenario_message(const char *id, unsigned index);
