#include "server/config_value.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schema/base/quantity.h"
#include "schema/store/postgres/db_postgres_url.h"

/* ---- from text ---- */

static int parse_flag(const char *text, int64_t *ret_value)
{
    static const char *const words[] = { "0", "1", "false", "true", "no", "yes" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *ret_value = (int64_t)(i % 2);
            return 0;
        }
    }
    return -1;
}

static int parse_word(const char *text, const char *const *words, int64_t *ret_value)
{
    for (int64_t i = 0; words[i]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *ret_value = i;
            return 0;
        }
    }
    return -1;
}

int config_value_parse(const struct config_setting *s, const char *text, int64_t *ret_value)
{
    if (s->words)
        return parse_word(text, s->words, ret_value);
    switch (s->type) {
    case CONFIG_TEXT:
    case CONFIG_WORD:
        return 0;
    case CONFIG_DATABASE:
        return db_postgres_url_check(text, NULL);
    case CONFIG_COUNT:
        return quantity_count(text, ret_value);
    case CONFIG_SIZE:
        return quantity_size(text, ret_value);
    case CONFIG_DURATION:
        return quantity_duration(text, ret_value);
    case CONFIG_FLAG:
        return parse_flag(text, ret_value);
    }
    return -1;
}

/* ---- for people ---- */

static void print_amount(int64_t n, enum config_type type, char *out, size_t size)
{
    static const struct {
        enum config_type type;
        int64_t unit;
        const char *name;
    } steps[] = { { CONFIG_SIZE, GIB, "GiB" },    { CONFIG_SIZE, MIB, "MiB" },
                  { CONFIG_SIZE, KIB, "KiB" },    { CONFIG_DURATION, CONFIG_DAY_MS, "d" },
                  { CONFIG_DURATION, 1000, "s" }, { CONFIG_DURATION, 1, "ms" } };

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (steps[i].type == type && n != 0 && n % steps[i].unit == 0) {
            (void)snprintf(out, size, "%lld%s", (long long)(n / steps[i].unit), steps[i].name);
            return;
        }
    }
    (void)snprintf(out, size, "%lld", (long long)n);
}

void config_value_legal(const struct config_setting *s, char *out, size_t size)
{
    static const char *const nouns[] = { [CONFIG_COUNT] = "a number",
                                         [CONFIG_SIZE] = "a size such as 64MiB",
                                         [CONFIG_DURATION] = "a time such as 2m30s" };
    char low[32], high[32];
    size_t n = 0;

    out[0] = '\0';
    if (s->words) {
        for (size_t i = 0; s->words[i] && n < size; i++)
            n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", s->words[i]);
        return;
    }
    if (s->type == CONFIG_TEXT || s->type == CONFIG_FLAG) {
        (void)snprintf(out, size, s->type == CONFIG_FLAG ? "0 or 1" : "text");
        return;
    }
    if (s->type == CONFIG_DATABASE) {
        (void)snprintf(out, size,
                       "a postgres:// URL, in whose password all but letters and digits "
                       "is written as %%XX");
        return;
    }
    print_amount(s->min, s->type, low, sizeof low);
    print_amount(s->max, s->type, high, sizeof high);
    (void)snprintf(out, size, "%s, %s to %s", nouns[s->type], low, high);
}

void config_value_print(const struct config_setting *s, int64_t value, char *out, size_t size)
{
    if (s->words)
        (void)snprintf(out, size, "%s", s->words[value]);
    else
        print_amount(value, s->type, out, size);
}
