/* client/command.h - what a command line may say, as tables: reading it, `--help`, the manual pages
 * and the completions are all made from them.
 *
 * Room     client: the commands `scrc submit` and `scrc grade`, which speak HTTP to a server. May
 *          know schema/base, and nothing of engine, bridge and server.
 * Owns     nothing; tables are static.
 * Threads  one: argp has static state.
 * Errors   command_read() does not come back with a wrong command line: it says what is wrong and
 *          exits with 2.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "schema/base/base.h"

struct err;

/* What a shell offers in place of an argument. */
enum command_value {
    COMMAND_NONE, /* a flag: there is no argument */
    COMMAND_TEXT, /* nothing can be offered */
    COMMAND_FILE,
    COMMAND_DIRECTORY,
    COMMAND_WORDS
};

struct command_option {
    const char *name;     /* without the dashes */
    int key;              /* not 0; unique in its command */
    const char *argument; /* as in "DIR|ZIP"; NULL: none */
    enum command_value value;
    const char *const *words; /* NULL-terminated; of COMMAND_WORDS */
    const char *help;         /* one sentence, without a full stop; NULL: it is not shown */
};

struct command {
    const char *name;      /* "submit"; NULL: options without a command */
    const char *arguments; /* as in "FILE..."; NULL: none */
    const char *brief;     /* a line, with a full stop */
    const char *text;      /* paragraphs, with "\n" between them; NULL: none */
    const struct command_option *options;
    size_t options_len;
    int (*run)(const struct command *c, int argc, char **argv); /* the exit code; NULL: not here */
    void (*help)(FILE *f); /* what --help has behind the options; NULL: exit codes and SCRC_URL */
};

/* Exit codes of the commands. */
#define COMMAND_EXITS(X)                                                                           \
    X(COMMAND_OK, 0, "submit: the verdict is OK; grade: all have a verdict")                       \
    X(COMMAND_OTHER, 1, "submit: any other verdict; grade: some have none")                        \
    X(COMMAND_USAGE, 2, "wrong usage, or a file that cannot be used")                              \
    X(COMMAND_SERVER, 3, "the server was not reached, or refused")                                 \
    X(COMMAND_UNJUDGED, 4, "submit: no verdict: cancelled, or a fault of the server")

#define COMMAND_EXIT_ENUM(name, code, means) name = (code),
enum command_exit { COMMAND_EXITS(COMMAND_EXIT_ENUM) };
#undef COMMAND_EXIT_ENUM

/* The meaning of the i-th exit code, which is i; NULL after the last. */
const char *command_exit_means(size_t i);

/* Prints "scrc: " and the message to stderr; the exit code that goes with the kind. */
enum command_exit command_fail(const struct err *e);

/* Takes one option, or with key 0 one argument. -1 with *e filled: it is wrong. `argument` is
 * borrowed, and lives as long as argv. */
typedef int command_take_fn(void *ctx, int key, const char *argument, struct err *e);

/* Reads argv[1..] with `take`; --help and --usage are answered here and exit. At least
 * `least` arguments. */
void command_read(const struct command *c, int argc, char **argv, size_t least,
                  command_take_fn *take, void *ctx);
