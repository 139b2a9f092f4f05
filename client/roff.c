#include "client/roff.h"

#include <string.h>

#include "client/command.h"

/* Changed by hand with what the pages say. */
#define ROFF_DATE "2026-11-29"

/* Text on one line: nothing in it is taken for roff, wherever it stands. */
static void write_escaped(FILE *f, const char *text)
{
    static const struct {
        char c;
        const char *roff;
    } special[] = {
        { '\\', "\\e" }, { '-', "\\-" }, { '\'', "\\(aq" }, { '`', "\\(ga" }, { '.', "\\&." },
    };

    for (; *text; text++) {
        const char *roff = NULL;
        for (size_t i = 0; i < ARRAY_LEN(special); i++) {
            if (special[i].c == *text)
                roff = special[i].roff;
        }
        if (roff)
            (void)fputs(roff, f);
        else
            (void)fputc(*text, f);
    }
}

/* The same, where each line feed becomes `feed`. */
static void write_lines(FILE *f, const char *text, const char *feed)
{
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        CLEANUP(freep) char *line = strndup(text, (size_t)(end - text));
        write_escaped(f, line ? line : "");
        (void)fputs(feed, f);
    }
    write_escaped(f, text);
    (void)fputc('\n', f);
}

void roff_begin(FILE *f, int section, const char *brief)
{
    (void)fprintf(f, ".TH SCRC %d %s \"scrc %s\"\n.SH NAME\nscrc \\- ", section, ROFF_DATE,
                  SCRC_VERSION);
    write_escaped(f, brief);
    (void)fputc('\n', f);
}

void roff_section(FILE *f, const char *title) { (void)fprintf(f, ".SH %s\n", title); }

void roff_text(FILE *f, const char *text) { write_lines(f, text, "\n.PP\n"); }

void roff_item(FILE *f, const char *term, const char *means)
{
    (void)fputs(".TP\n\\fB", f);
    write_escaped(f, term);
    (void)fputs("\\fR\n", f);
    roff_text(f, means);
}

void roff_example(FILE *f, const char *lines)
{
    (void)fputs(".nf\n.RS\n", f);
    write_lines(f, lines, "\n");
    (void)fputs(".RE\n.fi\n", f);
}

void roff_synopsis(FILE *f, const struct command *c)
{
    (void)fputs("\\fBscrc", f);
    if (c->name)
        (void)fprintf(f, " %s", c->name);
    (void)fputs("\\fR [\\fIOPTION\\fR]...", f);
    if (c->arguments) {
        (void)fputs(" \\fI", f);
        write_escaped(f, c->arguments);
        (void)fputs("\\fR", f);
    }
    (void)fputc('\n', f);
}

void roff_options(FILE *f, const struct command *c)
{
    for (size_t i = 0; i < c->options_len; i++) {
        const struct command_option *o = &c->options[i];
        if (!o->help)
            continue;
        (void)fputs(".TP\n\\fB\\-\\-", f);
        write_escaped(f, o->name);
        (void)fputs("\\fR", f);
        if (o->argument) {
            (void)fprintf(f, "%c\\fI", strchr(o->argument, ' ') ? ' ' : '=');
            write_escaped(f, o->argument);
            (void)fputs("\\fR", f);
        }
        (void)fputc('\n', f);
        roff_text(f, o->help);
        for (size_t w = 0; o->words && o->words[w]; w++)
            (void)fprintf(f, "%s\\fB%s\\fR", w ? ", " : "(", o->words[w]);
        if (o->words)
            (void)fputs(")\n", f);
    }
}
