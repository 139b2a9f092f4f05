#include "client/completion.h"

#include <string.h>

#include "client/client.h"

const char *const completion_shells[] = { "bash", "zsh", "fish", NULL };

static bool is_shown(const struct command_option *o) { return o->help != NULL; }

static void write_words(FILE *f, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        (void)fprintf(f, "%s%s", i ? " " : "", words[i]);
}

/* Text inside of '...', with a backslash before each of `special`. */
static void write_quoted(FILE *f, const char *text, const char *special, const char *apostrophe)
{
    for (; *text; text++) {
        if (*text == '\'') {
            (void)fputs(apostrophe, f);
            continue;
        }
        if (strchr(special, *text))
            (void)fputc('\\', f);
        (void)fputc(*text, f);
    }
}

/* ---- bash ---- */

/* Rows of `case "$command $previous"`: what an option's argument may be. */
static void write_bash_values(FILE *f, const struct command *c)
{
    for (size_t i = 0; i < c->options_len; i++) {
        const struct command_option *o = &c->options[i];
        if (!is_shown(o) || o->value == COMMAND_NONE)
            continue;
        (void)fprintf(f, "    '%s --%s') ", c->name ? c->name : "", o->name);
        if (o->value == COMMAND_WORDS) {
            (void)fputs("words='", f);
            write_words(f, o->words);
            (void)fputs("' ;;\n", f);
        } else {
            (void)fputs(o->value == COMMAND_FILE        ? "files=f ;;\n"
                        : o->value == COMMAND_DIRECTORY ? "files=d ;;\n"
                                                        : "files=none ;;\n",
                        f);
        }
    }
}

static void write_bash_options(FILE *f, const struct command *c)
{
    (void)fprintf(f, "            '%s') words='--help", c->name ? c->name : "");
    for (size_t i = 0; i < c->options_len; i++) {
        if (is_shown(&c->options[i]))
            (void)fprintf(f, " --%s", c->options[i].name);
    }
    (void)fputs("' ;;\n", f);
}

/* Behind the words that may be: those that begin as what was typed. */
static void write_bash_reply(FILE *f)
{
    (void)fputs("' ;;\n"
                "        esac\n"
                "    fi\n"
                "    COMPREPLY=()\n"
                "    case $files in\n"
                "    none) ;;\n"
                "    ?) compopt -o filenames 2>/dev/null\n"
                "        mapfile -t COMPREPLY < <(compgen -\"$files\" -- \"$current\") ;;\n"
                "    *) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\") ;;\n"
                "    esac\n"
                "}\n"
                "complete -F _scrc scrc\n",
                f);
}

static void print_bash(FILE *f, const struct command *server)
{
    const struct command *c;

    (void)fputs(
        "_scrc() {\n"
        "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
        "    local command='' words='' files=''\n"
        "    # --name=value comes as three words\n"
        "    [ \"$current\" != = ] || current='' previous='='\n"
        "    [ \"$previous\" != = ] || previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
        "    [ \"$previous\" != = ] || previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
        "    case ${COMP_WORDS[1]} in\n",
        f);
    for (size_t i = 0; (c = client_command(i)); i++)
        (void)fprintf(f, "    %s) [ \"$COMP_CWORD\" = 1 ] || command=%s ;;\n", c->name, c->name);
    (void)fputs("    esac\n"
                "    case \"$command $previous\" in\n",
                f);
    write_bash_values(f, server);
    for (size_t i = 0; (c = client_command(i)); i++)
        write_bash_values(f, c);
    (void)fputs("    esac\n"
                "    if [ -z \"$words$files\" ]; then\n"
                "        case $current in\n"
                "        -*)\n"
                "            case $command in\n",
                f);
    write_bash_options(f, server);
    for (size_t i = 0; (c = client_command(i)); i++)
        write_bash_options(f, c);
    (void)fputs("            esac ;;\n"
                "        *)\n"
                "            [ -n \"$command\" ] && files=f || words='",
                f);
    for (size_t i = 0; (c = client_command(i)); i++)
        (void)fprintf(f, "%s%s", i ? " " : "", c->name);
    write_bash_reply(f);
}

/* ---- zsh ---- */

static void write_zsh_arguments(FILE *f, const struct command *c)
{
    (void)fputs("        _arguments '--help[Print this]'", f);
    for (size_t i = 0; i < c->options_len; i++) {
        const struct command_option *o = &c->options[i];
        if (!is_shown(o))
            continue;
        (void)fprintf(f, " \\\n            '*--%s%s[", o->name, o->argument ? "=" : "");
        write_quoted(f, o->help, "[]:\\", "'\\''");
        (void)fputc(']', f);
        if (o->argument) {
            (void)fputc(':', f);
            write_quoted(f, o->argument, "[]:\\", "'\\''");
            (void)fputc(':', f);
        }
        if (o->value == COMMAND_WORDS) {
            (void)fputc('(', f);
            write_words(f, o->words);
            (void)fputc(')', f);
        } else if (o->value == COMMAND_FILE || o->value == COMMAND_DIRECTORY) {
            (void)fputs(o->value == COMMAND_FILE ? "_files" : "_files -/", f);
        }
        (void)fputc('\'', f);
    }
    if (c->name)
        (void)fputs(" \\\n            '*:file:_files'", f);
    (void)fputs("\n        ;;\n", f);
}

static void print_zsh(FILE *f, const struct command *server)
{
    const struct command *c;

    (void)fputs("#compdef scrc\n"
                "_scrc() {\n"
                "    local -a commands=(\n",
                f);
    for (size_t i = 0; (c = client_command(i)); i++) {
        (void)fprintf(f, "        '%s:", c->name);
        write_quoted(f, c->brief, ":\\", "'\\''");
        (void)fputs("'\n", f);
    }
    (void)fputs("    )\n"
                "    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
                "        _describe -t commands command commands\n"
                "        return\n"
                "    fi\n"
                "    case $words[2] in\n",
                f);
    for (size_t i = 0; (c = client_command(i)); i++) {
        (void)fprintf(f, "    %s)\n        shift words\n        (( CURRENT-- ))\n", c->name);
        write_zsh_arguments(f, c);
    }
    (void)fputs("    *)\n", f);
    write_zsh_arguments(f, server);
    (void)fputs("    esac\n"
                "}\n"
                "if [[ $funcstack[1] == _scrc ]]; then _scrc \"$@\"; else compdef _scrc scrc; fi\n",
                f);
}

/* ---- fish ---- */

static void write_fish_options(FILE *f, const struct command *c)
{
    for (size_t i = 0; i < c->options_len; i++) {
        const struct command_option *o = &c->options[i];
        if (!is_shown(o))
            continue;
        (void)fprintf(f, "complete -c scrc -n '%s%s' -l %s",
                      c->name ? "__fish_seen_subcommand_from " : "__fish_use_subcommand",
                      c->name ? c->name : "", o->name);
        if (o->value == COMMAND_WORDS) {
            (void)fputs(" -x -a '", f);
            write_words(f, o->words);
            (void)fputc('\'', f);
        } else if (o->value != COMMAND_NONE) {
            (void)fputs(o->value == COMMAND_FILE        ? " -r -F"
                        : o->value == COMMAND_DIRECTORY ? " -x -a '(__fish_complete_directories)'"
                                                        : " -x",
                        f);
        }
        (void)fputs(" -d '", f);
        write_quoted(f, o->help, "\\", "\\'");
        (void)fputs("'\n", f);
    }
}

static void print_fish(FILE *f, const struct command *server)
{
    const struct command *c;

    (void)fputs("complete -c scrc -f\n"
                "complete -c scrc -l help -d 'Print help'\n",
                f);
    write_fish_options(f, server);
    for (size_t i = 0; (c = client_command(i)); i++) {
        (void)fprintf(f, "complete -c scrc -n __fish_use_subcommand -a %s -d '", c->name);
        write_quoted(f, c->brief, "\\", "\\'");
        (void)fprintf(f, "'\ncomplete -c scrc -n '__fish_seen_subcommand_from %s' -F\n", c->name);
        write_fish_options(f, c);
    }
}

bool completion_print(FILE *f, const char *shell, const struct command *server)
{
    static void (*const printers[])(
        FILE * f, const struct command *server) = { print_bash, print_zsh, print_fish };

    for (size_t i = 0; completion_shells[i]; i++) {
        if (strcmp(shell, completion_shells[i]) == 0) {
            printers[i](f, server);
            return true;
        }
    }
    return false;
}
