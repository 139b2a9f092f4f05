#include "server/http/grammar.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "schema/base/base.h"

/* A table with one bit for each byte. */
bool grammar_is_token_byte(unsigned char c)
{
    static const uint64_t bits[] = { 0x3ff6cfa00000000, 0x57ffffffc7fffffe };

    return c < 128 && bits[c / 64] >> c % 64 & 1;
}

size_t grammar_token_len(const char *s, size_t len)
{
    size_t n = 0;

    while (n < len && grammar_is_token_byte((unsigned char)s[n]))
        n++;
    return n;
}

bool grammar_is_field_text(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
            return false;
    }
    return true;
}

static bool is_visible(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] <= 0x20 || s[i] >= 0x7f) /* char is signed: bytes from 0x80 are negative */
            return false;
    }
    return true;
}

bool grammar_equals(const char *s, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(s, word, len) == 0;
}

bool grammar_is_authority(const char *s, size_t len)
{
    size_t n = 0;

    if (len > 0 && s[0] == '[') {
        for (n = 1; n < len && (isxdigit((unsigned char)s[n]) || strchr(":.", s[n])); n++)
            ;
        if (n == len || s[n++] != ']')
            return false;
    } else {
        while (n < len && s[n] != ':' && s[n] > 0x20 && s[n] < 0x7f &&
               !strchr("/?#[]@\\\"<>", s[n]))
            n++;
    }
    if (n < len && s[n++] != ':')
        return false;
    while (n < len && isdigit((unsigned char)s[n]))
        n++;
    return n == len;
}

static bool is_absolute(const char *target, size_t len)
{
    static const char *const schemes[] = { "http://", "https://" };

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t n = strlen(schemes[i]), host = 0;
        if (len <= n || strncasecmp(target, schemes[i], n) != 0)
            continue;
        while (n + host < len && !strchr("/?", target[n + host]))
            host++;
        return host > 0 && grammar_is_authority(target + n, host);
    }
    return false;
}

bool grammar_is_target(const char *method, size_t method_len, const char *target, size_t len)
{
    if (len == 0 || !is_visible(target, len) || memchr(target, '#', len))
        return false;
    if (method_len == 7 && memcmp(method, "CONNECT", 7) == 0)
        return grammar_is_authority(target, len);
    if (method_len == 7 && memcmp(method, "OPTIONS", 7) == 0 && len == 1 && *target == '*')
        return true;
    return *target == '/' || is_absolute(target, len);
}
