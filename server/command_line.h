/* server/command_line.h - the command line of the server, and its manual page.
 *
 * Threads  one.
 * Errors   command_line_read() does not come back with a wrong one: it says what is wrong and exits
 *          with 2.
 */
#pragma once

#include <stdbool.h>

struct command_line {
    bool check;
    const char *source, *target; /* borrowed from argv; NULL: nothing is to be moved */
};

/* Answers --help, --version and the like by itself, and exits with 0. */
struct command_line command_line_read(int argc, char **argv);
