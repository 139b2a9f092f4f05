/* client/completion.h - completion of the command line for bash, zsh and fish, made from the tables
 * of options.
 *
 * Threads  one.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct command;

extern const char *const completion_shells[]; /* NULL-terminated */

/* server: what scrc may be called with when there is no command. False: there is no such shell. */
bool completion_print(FILE *f, const char *shell, const struct command *server);
