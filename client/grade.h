/* client/grade.h - `scrc grade`: the submissions of a class, their verdicts in a CSV file.
 *
 * It can be ended at any moment, and called again: what was handed in before is found by its id,
 * and the file is written once, when all have ended.
 *
 * Threads  one.
 */
#pragma once

#include "client/command.h"

extern const struct command grade_command;
