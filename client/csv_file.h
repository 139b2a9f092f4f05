/* client/csv_file.h - a table as a CSV file (RFC 4180), which is there whole or not at all.
 *
 * Room     client.
 * Owns     a temporary file beside the one that is written, until csv_file_close() or
 *          csv_file_abort().
 * Threads  one at a time.
 * Errors   ERR_INPUT: the file cannot be written; what was there before is then unchanged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "schema/base/base.h"

struct err;

struct csv_file {
    FILE *out;       /* owned */
    char *path;      /* owned: where it will be */
    char *temporary; /* owned: where it is */
    bool has_field;  /* of this line */
    bool failed;     /* out of memory */
};

NODISCARD int csv_file_open(const char *path, struct csv_file *ret_file, struct err *e);
/* As csv_text(); NULL is an empty field. */
void csv_file_text(struct csv_file *c, const char *text);
void csv_file_number(struct csv_file *c, int64_t number);
void csv_file_end_line(struct csv_file *c);
/* Puts the file in its place. The csv is empty afterwards, also after an error. */
NODISCARD int csv_file_close(struct csv_file *c, struct err *e);
/* Leaves what was there before. Takes an empty one too. */
void csv_file_abort(struct csv_file *c);
