#include "client/manual.h"

#include "client/client.h"
#include "client/roff.h"

static void print_commands(FILE *f)
{
    const struct command *c;

    for (size_t i = 0; (c = client_command(i)); i++) {
        (void)fprintf(f, ".SH SCRC %s\n", c->name);
        roff_text(f, c->brief);
        if (c->text) {
            (void)fputs(".PP\n", f);
            roff_text(f, c->text);
        }
        roff_options(f, c);
    }
}

static void print_exits(FILE *f)
{
    roff_section(f, "EXIT STATUS");
    for (size_t i = 0; command_exit_means(i); i++) {
        char code[12];
        (void)snprintf(code, sizeof code, "%zu", i);
        roff_item(f, code, command_exit_means(i));
    }
}

static void print_files(FILE *f)
{
    roff_section(f, "TESTS");
    roff_text(
        f, "A directory or a zip archive. Each pair of files NAME.in and NAME.ans, or NAME.out, "
           "is a test; they are run in natural order of their names, 2 before 10, and folders "
           "are part of a name. Other files are left out, as are hidden ones and __MACOSX. Links "
           "are not followed. At most 10,000 files, 256 MiB when they are unpacked.");
    roff_section(f, "SUBMISSIONS");
    roff_text(f,
              "A source file, or a directory or zip archive that holds one; at most 1,000 files, "
              "64 MiB. The language is that of the server whose source file ends as this one does; "
              "files that end otherwise are left out. A source is text in UTF-8.");
}

static void print_environment(FILE *f)
{
    roff_section(f, "ENVIRONMENT");
    roff_item(
        f, "SCRC_URL",
        "Where the server is; http://127.0.0.1:8080 when it is not set. It may have a user and "
        "a password for a proxy that asks for them, as https://USER:PASSWORD@HOST.");
    roff_item(f, "NO_COLOR",
              "When it is set and not empty, nothing is coloured. Colours are for "
              "terminals alone.");
    roff_item(f, "http_proxy, https_proxy, no_proxy",
              "As curl(1) reads them; never for a server on this host.");
}

void manual_print(FILE *f)
{
    const struct command *c;

    roff_begin(f, 1, "hand in programs to be judged");
    roff_section(f, "SYNOPSIS");
    for (size_t i = 0; (c = client_command(i)); i++) {
        if (i > 0)
            (void)fputs(".PP\n", f);
        roff_synopsis(f, c);
    }
    roff_section(f, "DESCRIPTION");
    roff_text(f,
              "A server of scrc, which scrc(8) describes, builds a program once, runs it on tests "
              "in a locked-down container, and says how that went. These commands hand in programs "
              "and show what it says. Without a command, scrc is that server.\n"
              "What programs print is shown as text: characters that would command the terminal "
              "are spelled out, as \\x1b.");
    print_commands(f);
    print_files(f);
    print_exits(f);
    print_environment(f);
    roff_section(f, "EXAMPLES");
    roff_example(f, "scrc submit sum.py --tests tests/ --limit time=2s\n"
                    "echo 1 2 3 | scrc submit sum.py\n"
                    "scrc grade handed-in/* --tests tests.zip --csv grades.csv");
    roff_section(f, "SEE ALSO");
    roff_text(f, "scrc(8)");
}
