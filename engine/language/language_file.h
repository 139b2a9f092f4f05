/* engine/language/language_file.h - a language row as a JSON file: the field names of struct
 * language.
 *
 * Room     engine/language.
 * Threads  any.
 */
#pragma once

#include <jansson.h>

#include "engine/language/language.h"
#include "schema/base/base.h"

struct err;

/* Reads one row from dir/file ("rust.json" is language "rust"). Caller owns *ret_json, whose
 * strings the row borrows. ERR_SETTING names the file and the field that is wrong. */
NODISCARD int language_file_read(const char *dir, const char *file, struct language *ret_row,
                                 json_t **ret_json, struct err *e);

/* The same of the file's text. */
NODISCARD int language_file_parse(const char *file, const char *text, size_t len,
                                  struct language *ret_row, json_t **ret_json, struct err *e);
