#include "client/command.h"

#include <argp.h>
#include <string.h>

#include "client/term.h"
#include "schema/base/err.h"

/* NOLINTBEGIN(concurrency-mt-unsafe): there is only one thread while the command line is read */

#define OPTIONS_MAX 24

enum { KEY_HELP = 1, KEY_USAGE };

struct command_reading {
    const struct command *command;
    command_take_fn *take;
    void *ctx;
    size_t least;
};

const char *command_exit_means(size_t i)
{
#define COMMAND_EXIT_MEANS(name, code, means) [code] = means,
    static const char *const means[] = { COMMAND_EXITS(COMMAND_EXIT_MEANS) };

    return i < ARRAY_LEN(means) ? means[i] : NULL;
}

enum command_exit command_fail(const struct err *e)
{
    struct term t;

    term_open(stderr, &t);
    term_paint(&t, TERM_BAD, "scrc:");
    term_raw(&t, " ");
    term_text(&t, e->msg, strlen(e->msg));
    term_raw(&t, "\n");
    return e->kind == ERR_SETTING || e->kind == ERR_INPUT || e->kind == ERR_NOT_FOUND
               ? COMMAND_USAGE
               : COMMAND_SERVER;
}

static void print_exit_codes(void)
{
    (void)puts("Exit codes:");
    for (size_t i = 0; command_exit_means(i); i++)
        (void)printf("  %zu  %s\n", i, command_exit_means(i));
    (void)puts("\nSCRC_URL is where the server is, http://127.0.0.1:8080 when it is not set. "
               "`man scrc` has more.");
}

static error_t print_command_help(struct argp_state *state, const struct command *c)
{
    argp_state_help(state, stdout, ARGP_HELP_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_LONG);
    (void)fputc('\n', stdout);
    if (c->help)
        c->help(stdout);
    else
        print_exit_codes();
    exit(COMMAND_OK);
}

static error_t parse_command(int key, char *argument, struct argp_state *state)
{
    const struct command_reading *r = state->input;
    struct err e;

    switch (key) {
    case KEY_HELP:
        return print_command_help(state, r->command);
    case KEY_USAGE:
        argp_state_help(state, stdout, ARGP_HELP_USAGE);
        exit(COMMAND_OK);
    case ARGP_KEY_END:
        if (state->arg_num < r->least)
            argp_error(state, "%s is missing", r->command->arguments);
        return 0;
    case ARGP_KEY_ARG:
        key = 0;
        break;
    default:
        if (key >= ARGP_KEY_END) /* argp's own */
            return ARGP_ERR_UNKNOWN;
    }
    if (r->take(r->ctx, key, argument, &e) < 0)
        argp_error(state, "%s", e.msg);
    return 0;
}

void command_read(const struct command *c, int argc, char **argv, size_t least,
                  command_take_fn *take, void *ctx)
{
    struct argp_option options[OPTIONS_MAX + 3] = {
        { "help", KEY_HELP, NULL, 0, "Print this", -1 },
        { "usage", KEY_USAGE, NULL, 0, "Print one line of how to call it", -1 },
    };
    struct command_reading r = { .command = c, .take = take, .ctx = ctx, .least = least };
    const struct argp argp = {
        .options = options, .parser = parse_command, .args_doc = c->arguments, .doc = c->brief
    };
    char name[40];

    (void)snprintf(name, sizeof name, c->name ? "scrc %s" : "scrc", c->name);
    for (size_t i = 0; i < c->options_len && i < OPTIONS_MAX; i++)
        options[i + 2] = (struct argp_option){ .name = c->options[i].name,
                                               .key = c->options[i].key,
                                               .arg = c->options[i].argument,
                                               .doc = c->options[i].help,
                                               .flags = c->options[i].help ? 0 : OPTION_HIDDEN };
    argv[0] = name;
    argp_err_exit_status = COMMAND_USAGE;
    (void)argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, &r);
}

/* NOLINTEND(concurrency-mt-unsafe) */
