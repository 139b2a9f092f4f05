#include "server/config_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schema/store/postgres/db_postgres_url.h"

/* ---- from text ---- */

static const struct unit {
    const char *name;
    double factor;
} size_units[] = { { "B", 1 },
                   { "K", 1024 },
                   { "KiB", 1024 },
                   { "KB", 1e3 },
                   { "M", (double)MIB },
                   { "MiB", (double)MIB },
                   { "MB", 1e6 },
                   { "G", (double)GIB },
                   { "GiB", (double)GIB },
                   { "GB", 1e9 },
                   { "TiB", 1024.0 * (double)GIB } },
  time_units[] = { { "ns", 1e-6 },
                   { "us", 1e-3 },
                   { "ms", 1 },
                   { "s", 1e3 },
                   { "m", 60e3 },
                   { "h", 3600e3 },
                   { "d", (double)CONFIG_DAY_MS } };

/* Reads digits with an optional fraction. Not strtod(), which accepts 0x1p3, inf and nan. */
static int read_decimal(const char **text, double *ret_number)
{
    const char *p = *text;
    double number = 0, digit = 1;

    if (!isdigit((unsigned char)*p))
        return -1;
    for (; isdigit((unsigned char)*p); p++)
        number = number * 10 + (*p - '0');
    if (*p == '.') {
        for (p++; isdigit((unsigned char)*p); p++)
            number += (*p - '0') * (digit /= 10);
    }
    *text = p;
    *ret_number = number;
    return 0;
}

/* The factor of the unit at *text, which is a whole word; 0 when there is none. */
static double read_unit(const char **text, const struct unit *units, size_t len)
{
    size_t n = 0;

    while (isalpha((unsigned char)(*text)[n]))
        n++;
    for (size_t i = 0; i < len; i++) {
        if (strlen(units[i].name) == n && strncasecmp(*text, units[i].name, n) == 0) {
            *text += n;
            return units[i].factor;
        }
    }
    return 0;
}

static int parse_count(const char *text, int64_t *ret_value)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return -1;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end)
        return -1;
    *ret_value = value;
    return 0;
}

/* "67108864", "64MiB", "64 MiB", "1.5G". */
static int parse_size(const char *text, int64_t *ret_value)
{
    double number, factor;

    if (parse_count(text, ret_value) == 0)
        return 0;
    if (read_decimal(&text, &number) < 0)
        return -1;
    while (*text == ' ')
        text++;
    factor = read_unit(&text, size_units, ARRAY_LEN(size_units));
    if (factor == 0 || *text || number * factor > 0x1p62)
        return -1;
    *ret_value = (int64_t)(number * factor);
    return 0;
}

/* Go's format of durations, and days: "500ms", "2m30s", "1.5h", "30d", "0". */
static int parse_duration(const char *text, int64_t *ret_value)
{
    double total = 0, number, factor;

    if (strcmp(text, "0") == 0) {
        *ret_value = 0;
        return 0;
    }
    do {
        if (read_decimal(&text, &number) < 0)
            return -1;
        factor = read_unit(&text, time_units, ARRAY_LEN(time_units));
        if (factor == 0)
            return -1;
        total += number * factor;
    } while (*text);
    if (total > 0x1p62 || (total > 0 && total < 1))
        return -1;
    *ret_value = (int64_t)(total + 0.5);
    return 0;
}

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
        return parse_count(text, ret_value);
    case CONFIG_SIZE:
        return parse_size(text, ret_value);
    case CONFIG_DURATION:
        return parse_duration(text, ret_value);
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
