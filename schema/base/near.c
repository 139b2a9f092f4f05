#include "schema/base/near.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* The Levenshtein distance of two names of at most NEAR_NAME_MAX bytes. */
static size_t name_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[NEAR_NAME_MAX + 1];

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_len];
}

const char *near_name(const char *name, size_t len, size_t most, near_known_fn *known,
                      const void *ctx)
{
    const char *nearest = NULL, *other;
    size_t least = most;

    for (size_t i = 0; len <= NEAR_NAME_MAX && (other = known(ctx, i)); i++) {
        size_t other_len = strlen(other);
        size_t d =
            other_len > NEAR_NAME_MAX ? most + 1 : name_distance(name, len, other, other_len);
        if (d == 0)
            return NULL;
        if (d <= least) {
            least = d;
            nearest = other;
        }
    }
    return nearest;
}

size_t near_typos(size_t len) { return len < 3 ? 0 : len < 5 ? 1 : len < 10 ? 2 : 3; }

size_t near_snake(const char *name, char out[NEAR_NAME_MAX + 1])
{
    size_t n = 0;

    for (const char *p = name; *p && n < NEAR_NAME_MAX; p++) {
        bool word = *p == '-' || *p == ' ' || *p == '_';
        if (!word && isupper((unsigned char)*p) && n > 0 && out[n - 1] != '_' &&
            !isupper((unsigned char)p[-1]))
            out[n++] = '_';
        if (n < NEAR_NAME_MAX)
            out[n++] = word ? '_' : (char)tolower((unsigned char)*p);
    }
    out[n] = '\0';
    return n;
}
