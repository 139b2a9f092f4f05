/* server/config_value.h - the value of a setting: its type, its bounds, as a user writes and reads
 * it.
 *
 * Room     server. Knows no setting.
 * Threads  any; no state.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

/* SIZE is bytes, DURATION milliseconds, WORD the index of a word of `words`; FLAG is a bool. */
enum config_type {
    CONFIG_TEXT,
    CONFIG_COUNT,
    CONFIG_SIZE,
    CONFIG_DURATION,
    CONFIG_FLAG,
    CONFIG_WORD
};

struct config_setting {
    const char *name;
    enum config_type type;
    int64_t min, max;
    const char *normal; /* as a user would write it; NULL: none */
    size_t offset;      /* within struct config */
    const char *help;
    /* WORD and checked TEXT: legal values, NULL-terminated; FLAG: the second is true */
    const char *const *words;
};

#define CONFIG_DAY_MS (86400LL * 1000)

/* Text has no number: 0, or its index in words. Bounds are the caller's to check. -1: it is none of
 * its type. */
NODISCARD int config_value_parse(const struct config_setting *s, const char *text,
                                 int64_t *ret_value);

/* As a user would write it. Not for a text without words. */
void config_value_print(const struct config_setting *s, int64_t value, char *out, size_t size);

/* "a size such as 64MiB, 1KiB to 1GiB". */
void config_value_legal(const struct config_setting *s, char *out, size_t size);
