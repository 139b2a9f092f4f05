/* engine/language/language_file.h - reads a language from a JSON file, whose fields are named as
 * those of struct language (memory_overhead is "allowance").
 *
 * Room     engine/language.
 * Threads  any.
 */
#pragma once

#include <jansson.h>

#include "engine/language/language.h"
#include "schema/base/base.h"

struct err;

/* Reads one language from dir/file ("rust.json" is language "rust"). Caller owns *ret_json,
 * whose strings *ret_language borrows. ERR_SETTING names the file and the field that is wrong. */
NODISCARD int language_file_read(const char *dir, const char *file, struct language *ret_language,
                                 json_t **ret_json, struct err *e);

/* The same from the text of the file. */
NODISCARD int language_file_parse(const char *file, const char *text, size_t len,
                                  struct language *ret_language, json_t **ret_json, struct err *e);
