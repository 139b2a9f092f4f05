/* client/term.h - text for people: colours where they are wanted, and nothing from elsewhere that
 * could command the terminal.
 *
 * What programs, files and servers say is written by term_text(): control characters, marks that
 * turn the direction and bytes that are no UTF-8 are spelled out (\x1b, \u202e), whether a terminal
 * reads it now or later.
 *
 * Owns     nothing.
 * Threads  one at a time for each stream.
 * Errors   of writing stay in the stream: ferror().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "schema/base/base.h"

enum term_paint { TERM_PLAIN, TERM_GOOD, TERM_BAD, TERM_WARN, TERM_FAINT, TERM_STRONG };

struct term {
    FILE *out;   /* borrowed */
    bool is_tty; /* whether progress makes sense */
    bool colour; /* a terminal, TERM is not dumb, and NO_COLOR is not set */
    bool utf8;   /* whether the locale has it; without, what is not ASCII is spelled out */
    int columns; /* of the terminal; 80 where that is not known */
};

void term_open(FILE *out, struct term *ret_term);

/* Our own text, as it is. */
PRINTF(2, 3) void term_raw(const struct term *t, const char *fmt, ...);
PRINTF(3, 4) void term_paint(const struct term *t, enum term_paint paint, const char *fmt, ...);

/* Text from elsewhere, on one line: line feeds and tabs are spelled out too. */
void term_text(const struct term *t, const char *data, size_t len);
/* The same, where line feeds and tabs are as they are. */
void term_lines(const struct term *t, const char *data, size_t len);

enum term_blanks {
    TERM_BLANKS_PLAIN,
    TERM_BLANKS_DRAWN /* a space as a dot, a tab as an arrow */
};
/* One character or broken byte of data, len > 0: how many bytes it is. `out`, which term_text()
 * would write, needs TERM_SPELLED; *ret_columns is how wide it is. */
#define TERM_SPELLED 16
size_t term_spell(const struct term *t, const char *data, size_t len, enum term_blanks blanks,
                  char out[TERM_SPELLED], int *ret_columns);
