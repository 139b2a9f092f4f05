/* client/suffix.h - the language of a file by the end of its name, from the server's own list.
 *
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   ERR_INPUT: no language, or several, have this suffix; the message lists the languages.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct bundle;
struct err;
struct transport;

/* GET /languages, with patience as exchange_send(); the caller owns *ret_languages, an array. */
NODISCARD int suffix_languages(struct transport *t, int64_t patience_ms, json_t **ret_languages,
                               struct err *e);

/* The language whose source_name ends as name does; .cc, .cxx and .c++ are .cpp. *ret_language is
 * borrowed from `languages`. */
NODISCARD int suffix_language(const json_t *languages, const char *name, const char **ret_language,
                              struct err *e);

/* Whether a file of this name can be source of that language. */
bool suffix_fits(const json_t *languages, const char *language, const char *name);
