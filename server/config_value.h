/* server/config_value.h - parses and prints the value of a setting by its type and bounds.
 *
 * Room     server. Knows no setting.
 * Threads  any; no state.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

/* SIZE is in bytes, DURATION in milliseconds, WORD an index in `words`; FLAG is a bool; DATABASE is
 * a URL that may have a password, so its text is in no message. */
enum config_type {
    CONFIG_TEXT,
    CONFIG_COUNT,
    CONFIG_SIZE,
    CONFIG_DURATION,
    CONFIG_FLAG,
    CONFIG_WORD,
    CONFIG_DATABASE
};

struct config_setting {
    const char *name;
    enum config_type type;
    int64_t min, max;
    const char *normal; /* the default, as a user would write it; NULL: none */
    size_t offset;      /* within struct config */
    const char *help;
    /* NULL-terminated. WORD, and TEXT with fixed values: the legal values; FLAG: the second is true
     */
    const char *const *words;
};

#define CONFIG_DAY_MS (86400LL * 1000)

/* *ret_value is an index for values from words, and is not set for other text. Does not check the
 * bounds. 0, or -1: the text is no value of this type. */
NODISCARD int config_value_parse(const struct config_setting *s, const char *text,
                                 int64_t *ret_value);

/* As a user would write it. Not for CONFIG_TEXT without words, nor for CONFIG_DATABASE. */
void config_value_print(const struct config_setting *s, int64_t value, char *out, size_t size);

/* What is legal, as in "a size such as 64MiB, 1KiB to 1GiB". */
void config_value_legal(const struct config_setting *s, char *out, size_t size);
