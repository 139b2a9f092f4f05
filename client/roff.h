/* client/roff.h - writes a manual page (man(7)).
 *
 * Threads  one at a time for each stream.
 * Errors   of writing stay in the stream: ferror().
 */
#pragma once

#include <stdio.h>

struct command;

/* The head of the page, and its NAME section. */
void roff_begin(FILE *f, int section, const char *brief);
void roff_section(FILE *f, const char *title);
/* Text as it is: nothing in it is taken for roff. "\n" begins a paragraph. */
void roff_text(FILE *f, const char *text);
/* A term, in bold, and what it means. */
void roff_item(FILE *f, const char *term, const char *means);
/* Lines that stay as they are. */
void roff_example(FILE *f, const char *lines);
/* A line of SYNOPSIS. */
void roff_synopsis(FILE *f, const struct command *c);
/* Each option and its help. */
void roff_options(FILE *f, const struct command *c);
