/* schema/base/csv.h - cells of a CSV file (RFC 4180) that spreadsheets open as well.
 *
 * Room     schema/base.
 * Threads  any.
 * Errors   -1: out of memory.
 */
#pragma once

#include "schema/base/base.h"

struct buf;

/* Appends a text as one cell, in quotes where it needs them. What a spreadsheet would take for a
 * formula (= + - @, a tab or a carriage return in front) gets an apostrophe in front; "-" alone is
 * none. */
NODISCARD int csv_text(struct buf *out, const char *text);
