/* client/client.h - the commands of `scrc`: what the first word of its command line may be.
 *
 * Threads  one, but for those that a command starts itself.
 */
#pragma once

#include <stddef.h>

#include "client/command.h"

/* The i-th command; NULL after the last. */
const struct command *client_command(size_t i);

/* NULL: there is no such command. */
const struct command *client_find(const char *name);

/* Runs it with argv[1..], its own options, and returns the exit code. */
int client_run(const struct command *c, int argc, char **argv);
