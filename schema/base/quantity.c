#include "schema/base/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct quantity_unit {
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
                   { "d", (double)(86400 * 1000LL) } };

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
static double read_unit(const char **text, const struct quantity_unit *units, size_t len)
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

int quantity_count(const char *text, int64_t *ret_value)
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

int quantity_size(const char *text, int64_t *ret_value)
{
    double number, factor;

    if (quantity_count(text, ret_value) == 0)
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

int quantity_duration(const char *text, int64_t *ret_value)
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
