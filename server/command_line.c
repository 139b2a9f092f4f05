#include "server/command_line.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>

#include "schema/base/base.h"
#include "server/config.h"
#include "server/lifecycle.h"
#include "server/version.h"

enum { KEY_COMMAND = 256 }; /* + enum command */
enum { KEY_HELP = 512, KEY_USAGE, KEY_VERSION };

static const struct argp_option command_line_options[] = {
    { "backup", KEY_COMMAND + COMMAND_BACKUP, "FILE", 0,
      "Save the job table in DATA_DIR to FILE, while the server runs, and exit with 0; FILE must "
      "not exist",
      0 },
    { "check", KEY_COMMAND + COMMAND_CHECK, NULL, 0,
      "Say what this host can do and how the database and the topics are, and exit with 0, or "
      "3 when it is unfit",
      0 },
    { "healthy", KEY_COMMAND + COMMAND_HEALTHY, NULL, 0,
      "Ask the server at HTTP_LISTEN whether it is ready (GET /readyz), and exit with 0, or 1 and "
      "the reasons",
      0 },
    { "help", KEY_HELP, NULL, 0, "Print this and every setting", -1 },
    { "move", KEY_COMMAND + COMMAND_MOVE, "SOURCE TARGET", 0,
      "Move all submissions and reports, each place sqlite:DATA_DIR or postgres://..., and exit "
      "with 0, or 2 when something has to be done first; call it again after it was killed",
      0 },
    { "restore", KEY_COMMAND + COMMAND_RESTORE, "FILE", 0,
      "Put the job table that --backup has saved into DATA_DIR, which must have none, and exit "
      "with 0",
      0 },
    { "usage", KEY_USAGE, NULL, 0, "Print one line of how to call it", -1 },
    { "version", KEY_VERSION, NULL, 0, "Print the version and the commit", -1 },
    { .name = NULL }
};

/* NOLINTBEGIN(concurrency-mt-unsafe): there is only one thread so far */

static void choose_command(struct command_line *line, enum command command, char *word,
                           struct argp_state *state)
{
    if (line->command != COMMAND_SERVE)
        argp_error(state, "one option at a time");
    line->command = command;
    line->words[0] = word;
}

static error_t parse_command_line(int key, char *argument, struct argp_state *state)
{
    struct command_line *line = state->input;

    if (key > KEY_COMMAND && key <= KEY_COMMAND + COMMAND_RESTORE) {
        choose_command(line, (enum command)(key - KEY_COMMAND), argument, state);
        return 0;
    }
    switch (key) {
    case KEY_HELP:
        argp_state_help(state, stdout, ARGP_HELP_LONG | ARGP_HELP_USAGE | ARGP_HELP_DOC);
        (void)fputc('\n', stdout);
        config_print_help(stdout);
        exit(EXIT_CLEAN);
    case KEY_USAGE:
        argp_state_help(state, stdout, ARGP_HELP_USAGE);
        exit(EXIT_CLEAN);
    case KEY_VERSION:
        (void)puts(version_line());
        exit(EXIT_CLEAN);
    case ARGP_KEY_ARG:
        if (line->command == COMMAND_MOVE && !line->words[1]) {
            line->words[1] = argument;
            return 0;
        }
        argp_error(state, "there are no arguments; settings are environment variables");
        return EINVAL;
    case ARGP_KEY_END:
        if (line->command == COMMAND_MOVE && !line->words[1])
            argp_error(state, "--move needs two places, SOURCE TARGET");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

struct command_line command_line_read(int argc, char **argv)
{
    static const struct argp argp = { .options = command_line_options,
                                      .parser = parse_command_line,
                                      .doc = "Judges submissions: builds and runs untrusted "
                                             "programs in locked-down containers." };
    struct command_line line = { 0 };

    argp_err_exit_status = EXIT_SETTING;
    (void)argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, &line);
    return line;
}

/* NOLINTEND(concurrency-mt-unsafe) */
