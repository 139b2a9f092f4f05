/* client/submit.h - `scrc submit`: one submission, its report on the terminal.
 *
 * Threads  one.
 */
#pragma once

#include "client/command.h"

extern const struct command submit_command;
