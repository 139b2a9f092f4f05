/* client/language_list.h - the server's own list of languages.
 *
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   as exchange.h and suffix.h.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct transport;

/* GET /languages, with patience as exchange_send(); the caller owns *ret_languages, an array. */
NODISCARD int language_list_get(struct transport *t, int64_t patience_ms, json_t **ret_languages,
                                struct err *e);

/* The language of a file by its suffix. *ret_language is borrowed from `languages`. */
NODISCARD int language_list_find(const json_t *languages, const char *name,
                                 const char **ret_language, struct err *e);

/* Whether a file of this name can be source of that language. */
bool language_list_fits(const json_t *languages, const char *language, const char *name);
