#include "engine/language/language_java.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/err.h"

/* kind 'a': a word; 0: the end; else the character itself. */
struct token {
    char kind;
    const char *data;
    size_t len;
};

static bool is_text_at(const struct language_java_source *s, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(s->end - s->at) >= n && memcmp(s->at, text, n) == 0;
}

/* Every character that is not ASCII counts as a letter. */
static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

static bool is_java_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Skips to behind `close`, or to the end. A backslash escapes the character behind it. */
static void skip_quoted(struct language_java_source *s, const char *close)
{
    while (s->at < s->end && !is_text_at(s, close))
        s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
    if (s->at < s->end)
        s->at += strlen(close);
}

static void skip_past(struct language_java_source *s, const char *close)
{
    const char *found = memmem(s->at, (size_t)(s->end - s->at), close, strlen(close));
    s->at = found ? found + strlen(close) : s->end;
}

static void skip_line(struct language_java_source *s)
{
    while (s->at < s->end && *s->at != '\n' && *s->at != '\r')
        s->at++;
}

/* Skips one comment or literal, if there is one here. */
static bool skip_comment_or_literal(struct language_java_source *s)
{
    static const struct {
        const char *open, *close; /* close NULL: the end of the line */
        bool escapes;
    } forms[] = { { "//", NULL, false },
                  { "/*", "*/", false },
                  { "\"\"\"", "\"\"\"", true },
                  { "\"", "\"", true },
                  { "'", "'", true } };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (!is_text_at(s, forms[i].open))
            continue;
        s->at += strlen(forms[i].open);
        if (!forms[i].close)
            skip_line(s);
        else if (forms[i].escapes)
            skip_quoted(s, forms[i].close);
        else
            skip_past(s, forms[i].close);
        return true;
    }
    return false;
}

static struct token next_java_token(struct language_java_source *s)
{
    for (;;) {
        if (s->at < s->end && is_java_blank(*s->at))
            s->at++;
        else if (!skip_comment_or_literal(s))
            break;
    }
    if (s->at >= s->end)
        return (struct token){ .kind = 0, .data = s->end };

    const char *start = s->at++;
    if (!is_word_char(*start))
        return (struct token){ .kind = *start, .data = start, .len = 1 };
    while (s->at < s->end && is_word_char(*s->at))
        s->at++;
    return (struct token){ .kind = 'a', .data = start, .len = (size_t)(s->at - start) };
}

static bool is_keyword(struct token t, const char *word)
{
    return t.kind == 'a' && t.len == strlen(word) && memcmp(t.data, word, t.len) == 0;
}

static bool is_type_word(struct token t)
{
    return is_keyword(t, "class") || is_keyword(t, "interface") || is_keyword(t, "enum") ||
           is_keyword(t, "record");
}

/* ---- unicode escapes ---- */

/* Reads one escape at text, which is a backslash that is not itself escaped. Returns its length;
 * 0: it is none. */
static size_t read_escape(const char *text, const char *end, uint32_t *ret_unit)
{
    const char *at = text + 1;
    uint32_t unit = 0;

    while (at < end && *at == 'u')
        at++;
    if (at == text + 1 || end - at < 4)
        return 0;
    for (int i = 0; i < 4; i++, at++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = *at ? strchr(digits, *at | (*at >= 'A' ? 0x20 : 0)) : NULL;
        if (!digit)
            return 0;
        unit = unit << 4 | (uint32_t)(digit - digits);
    }
    *ret_unit = unit;
    return (size_t)(at - text);
}

static bool is_between(uint32_t c, uint32_t first, uint32_t last)
{
    return c >= first && c <= last;
}

static char *encode_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = { 0, 0xc0, 0xe0, 0xf0 };
    *out++ = (char)(lead[more] | c >> (6 * more));
    while (more-- > 0)
        *out++ = (char)(0x80 | (c >> (6 * more) & 0x3f));
    return out;
}

/* Decodes one escape, or the two of a surrogate pair, and moves *text behind. Half of a pair
 * becomes a blank, as it is no letter. */
static char *decode_one(const char **text, const char *end, char *out)
{
    uint32_t c, low;
    size_t len = read_escape(*text, end, &c);

    if (len == 0) { /* an ordinary backslash, with the one that it escapes */
        *out++ = *(*text)++;
        if (*text < end && **text == '\\')
            *out++ = *(*text)++;
        return out;
    }
    *text += len;
    if (is_between(c, 0xd800, 0xdbff) && *text < end && **text == '\\' &&
        (len = read_escape(*text, end, &low)) > 0 && is_between(low, 0xdc00, 0xdfff)) {
        *text += len;
        c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
    }
    return encode_utf8(is_between(c, 0xd800, 0xdfff) ? ' ' : c, out);
}

int language_java_open(const char *source, size_t len, struct language_java_source *ret_source,
                       struct err *e)
{
    const char *end = source + len;
    struct language_java_source s = { .at = source, .end = end };

    if (memmem(source, len, "\\u", 2)) {
        char *out = s.decoded = malloc(len); /* an escape is longer than its character in UTF-8 */
        if (!out)
            return err_set(e, ERR_NOMEM, "a Java source");
        for (const char *at = source; at < end;) {
            if (*at == '\\')
                out = decode_one(&at, end, out);
            else
                *out++ = *at++;
        }
        s.at = s.decoded;
        s.end = out;
    }
    *ret_source = s;
    return 0;
}

void language_java_close(struct language_java_source *s)
{
    free(s->decoded);
    *s = (struct language_java_source){ .decoded = NULL };
}

/* ---- types ---- */

bool language_java_next(struct language_java_source *s, struct language_java_type *ret_type)
{
    bool is_public = false;
    size_t depth = 0;

    for (struct token t = next_java_token(s), name; t.data < s->end; t = next_java_token(s)) {
        if (t.kind == '{' || t.kind == '(')
            depth++;
        else if ((t.kind == '}' || t.kind == ')') && depth > 0)
            depth--;
        if (depth > 0)
            continue;
        if (t.kind == '}' || t.kind == ';')
            is_public = false;
        else if (is_keyword(t, "public"))
            is_public = true;
        else if (is_type_word(t)) {
            const char *behind = s->at;
            if ((name = next_java_token(s)).kind == 'a') {
                *ret_type = (struct language_java_type){ name.data, name.len, is_public };
                return true;
            }
            s->at = behind;
        }
    }
    return false;
}
