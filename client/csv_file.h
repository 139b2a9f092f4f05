/* client/csv.h - a table as a CSV file (RFC 4180), which is there whole or not at all.
 *
 * Owns     a temporary file beside the one that is written, until csv_close() or csv_abort().
 * Threads  one at a time.
 * Errors   ERR_INPUT: the file cannot be written; what was there before is then unchanged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "schema/base/base.h"

struct err;

struct csv {
    FILE *out;       /* owned */
    char *path;      /* owned: where it will be */
    char *temporary; /* owned: where it is */
    bool has_field;  /* of this line */
};

NODISCARD int csv_open(const char *path, struct csv *ret_csv, struct err *e);
/* A NULL is an empty field. */
void csv_text(struct csv *c, const char *text);
void csv_number(struct csv *c, int64_t number);
void csv_end_line(struct csv *c);
/* Puts the file in its place. The csv is empty afterwards, also after an error. */
NODISCARD int csv_close(struct csv *c, struct err *e);
/* Leaves what was there before. Takes an empty one too. */
void csv_abort(struct csv *c);
