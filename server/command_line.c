#include "server/command_line.h"

#include <stdio.h>
#include <string.h>

#include "client/client.h"
#include "client/command.h"
#include "client/completion.h"
#include "client/manual.h"
#include "client/roff.h"
#include "schema/base/err.h"
#include "server/config.h"
#include "server/lifecycle.h"
#include "server/version.h"

/* NOLINTBEGIN(concurrency-mt-unsafe): there is only one thread so far */

enum { KEY_VERSION = 256, KEY_COMPLETION, KEY_MAN };
enum { KEY_TASK = 512 }; /* + enum command_line_task */

/* clang-format off */
static const struct command_option options[] = {
    { "backup", KEY_TASK + COMMAND_LINE_BACKUP, "FILE", COMMAND_FILE, NULL, "Save the job table in DATA_DIR to FILE, which must not exist, while the server runs, and exit with 0" },
    { "check", KEY_TASK + COMMAND_LINE_CHECK, NULL, COMMAND_NONE, NULL, "Say what this host can do and how the database and the topics are, and exit with 0, or 3 when it is unfit" },
    { "healthy", KEY_TASK + COMMAND_LINE_HEALTHY, NULL, COMMAND_NONE, NULL, "Ask the server at HTTP_LISTEN whether it is ready (GET /readyz), and exit with 0, or 1 and the reasons" },
    { "move", KEY_TASK + COMMAND_LINE_MOVE, "SOURCE TARGET", COMMAND_TEXT, NULL, "Move all submissions and reports, each place sqlite:DATA_DIR or postgres://..., and exit with 0, or 2 when something has to be done first; call it again after it was killed" },
    { "restore", KEY_TASK + COMMAND_LINE_RESTORE, "FILE", COMMAND_FILE, NULL, "Put the job table that --backup has saved into DATA_DIR, which must have none, and exit with 0" },
    { "version", KEY_VERSION, NULL, COMMAND_NONE, NULL, "Print the version and the commit" },
    { "completion", KEY_COMPLETION, "SHELL", COMMAND_WORDS, completion_shells, "Print what completes this command line in a shell" },
    { "man", KEY_MAN, "SECTION", COMMAND_TEXT, NULL, NULL },
};
/* clang-format on */

static void print_server_help(FILE *f)
{
    const struct command *c;

    (void)fputs("Commands, which say more with --help:\n", f);
    for (size_t i = 0; (c = client_command(i)); i++)
        (void)fprintf(f, "  scrc %-10s %s\n", c->name, c->brief);
    (void)fputc('\n', f);
    config_print_help(f);
}

static const struct command server_command = {
    .brief = "Judges submissions: builds and runs untrusted programs in locked-down containers.",
    .options = options,
    .options_len = ARRAY_LEN(options),
    .help = print_server_help,
};

static void print_settings(FILE *f)
{
    struct config_described s;

    roff_section(f, "ENVIRONMENT");
    roff_text(
        f, "The settings. Sizes and times take a unit, as 64MiB and 2m30s. A wrong value refuses "
           "the start and names it; a variable that is empty counts as not set.");
    for (size_t i = 0; config_describe(i, &s); i++) {
        char means[1024];
        (void)snprintf(means, sizeof means, "%s (%s; default %s)", s.help, s.legal,
                       s.normal ? s.normal : "none");
        roff_item(f, s.name, means);
    }
    roff_item(f, "KAFKA_PROP_*", "Any property of librdkafka, as KAFKA_PROP_SECURITY_PROTOCOL=ssl");
}

/* scrc(8) */
static void print_manual(FILE *f)
{
    roff_begin(f, 8, "judge untrusted programs");
    roff_section(f, "SYNOPSIS");
    roff_synopsis(f, &server_command);
    roff_section(f, "DESCRIPTION");
    roff_text(
        f, "Takes submissions over HTTP and from a Kafka topic, builds each once, runs its tests "
           "in locked-down Docker containers and gives back a report. Settings are environment "
           "variables. It stays in the foreground, and logs to standard error, an event a line.\n"
           "GET /openapi.yaml describes its HTTP API, and / is a page for browsers. The commands "
           "that hand in programs are in scrc(1).");
    roff_section(f, "OPTIONS");
    roff_options(f, &server_command);
    print_settings(f);
    roff_section(f, "SIGNALS");
    roff_text(f,
              "SIGTERM and SIGINT: nothing new is taken, runs may end within SHUTDOWN_TIMEOUT, the "
              "others go back to the queue. A second one ends it at once. SIGHUP does nothing.");
    roff_section(f, "EXIT STATUS");
    roff_item(f, "0", "Ended as it was asked to");
    roff_item(f, "1", "A fault");
    roff_item(f, "2", "A wrong setting, or wrong usage");
    roff_item(f, "3", "This host cannot judge");
    roff_section(f, "SEE ALSO");
    roff_text(f, "scrc(1), docker(1)");
}

static int print_page(const char *section, struct err *e)
{
    if (strcmp(section, "1") == 0)
        manual_print(stdout);
    else if (strcmp(section, "8") == 0)
        print_manual(stdout);
    else
        return err_set(e, ERR_SETTING, "--man: there are the sections 1 and 8");
    exit(EXIT_CLEAN);
}

static int take_word(struct command_line *line, const char *word, struct err *e)
{
    if (line->task == COMMAND_LINE_MOVE && !line->words[1]) {
        line->words[1] = word;
        return 0;
    }
    if (line->task != COMMAND_LINE_SERVE)
        return err_set(e, ERR_SETTING, "no arguments follow: there is %s too many", word);
    return err_set(e, ERR_SETTING,
                   "there is no command %s (--help lists them), and settings are environment "
                   "variables",
                   word);
}

static int take_server_option(void *ctx, int key, const char *argument, struct err *e)
{
    struct command_line *line = ctx;

    switch (key) {
    case 0:
        return take_word(line, argument, e);
    case KEY_VERSION:
        (void)puts(version_line());
        exit(EXIT_CLEAN);
    case KEY_COMPLETION:
        if (!completion_print(stdout, argument, &server_command))
            return err_set(e, ERR_SETTING, "--completion: there is bash, zsh and fish");
        exit(EXIT_CLEAN);
    case KEY_MAN:
        return print_page(argument, e);
    default:
        if (line->task != COMMAND_LINE_SERVE)
            return err_set(e, ERR_SETTING, "one option at a time");
        line->task = (enum command_line_task)(key - KEY_TASK);
        line->words[0] = argument;
        return 0;
    }
}

struct command_line command_line_read(int argc, char **argv)
{
    struct command_line line = { .task = COMMAND_LINE_SERVE };
    struct err e;

    command_read(&server_command, argc, argv, 0, take_server_option, &line);
    if (line.task == COMMAND_LINE_MOVE && !line.words[1]) {
        (void)err_set(&e, ERR_SETTING, "--move needs two places, SOURCE TARGET");
        exit((int)command_fail(&e));
    }
    return line;
}

/* NOLINTEND(concurrency-mt-unsafe) */
