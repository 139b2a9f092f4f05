/* schema/bundle/suffix.h - the language of a source by the end of its file's name.
 *
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   ERR_INPUT: no language, or several, have this suffix; the message lists the languages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

struct err;

struct suffix_row {
    const char *language, *source_name; /* "cpp", "main.cpp" */
};

/* The i-th language, from 0; false behind the last. */
typedef bool suffix_row_fn(const void *ctx, size_t i, struct suffix_row *ret_row);

/* Whether both end alike; .cc, .cxx and .c++ are .cpp. A name without a dot ends like none. */
bool suffix_same(const char *source_name, const char *name);

/* The language whose source_name ends as name does. how: how to say which, for the message.
 * *ret_language is borrowed from the row. */
NODISCARD int suffix_language(suffix_row_fn *rows, const void *ctx, const char *name,
                              const char *how, const char **ret_language, struct err *e);
