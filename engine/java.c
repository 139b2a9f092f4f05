#include "engine/java.h"

#include <string.h>

struct scanner {
    const char *at, *end;
};

/* kind 'a': a word; 0: the end; otherwise the character itself. */
struct token {
    char kind;
    const char *data;
    size_t len;
};

static bool starts(const struct scanner *s, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(s->end - s->at) >= n && memcmp(s->at, text, n) == 0;
}

/* Unicode letters are whatever is not ASCII; a backslash begins a unicode escape. */
static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c == '\\' || (unsigned char)c >= 0x80;
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* To behind `close`, or to the end. A backslash hides the character behind it. */
static void skip_quoted(struct scanner *s, const char *close)
{
    while (s->at < s->end && !starts(s, close))
        s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
    if (s->at < s->end)
        s->at += strlen(close);
}

static void skip_past(struct scanner *s, const char *close)
{
    while (s->at < s->end && !starts(s, close))
        s->at++;
    if (s->at < s->end)
        s->at += strlen(close);
}

/* Behind one comment or literal, if there is one here. */
static bool skip_one(struct scanner *s)
{
    static const struct {
        const char *open, *close;
        bool escapes;
    } forms[] = { { "//", "\n", false },
                  { "/*", "*/", false },
                  { "\"\"\"", "\"\"\"", true },
                  { "\"", "\"", true },
                  { "'", "'", true } };

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!starts(s, forms[i].open))
            continue;
        s->at += strlen(forms[i].open);
        if (forms[i].escapes)
            skip_quoted(s, forms[i].close);
        else
            skip_past(s, forms[i].close);
        return true;
    }
    return false;
}

static struct token next(struct scanner *s)
{
    for (;;) {
        if (s->at < s->end && is_blank(*s->at))
            s->at++;
        else if (!skip_one(s))
            break;
    }
    if (s->at >= s->end)
        return (struct token){ .kind = 0, .data = s->end };

    const char *start = s->at++;
    if (!is_word(*start))
        return (struct token){ .kind = *start, .data = start, .len = 1 };
    while (s->at < s->end && is_word(*s->at))
        s->at++;
    return (struct token){ .kind = 'a', .data = start, .len = (size_t)(s->at - start) };
}

static bool is(struct token t, const char *word)
{
    return t.kind == 'a' && t.len == strlen(word) && memcmp(t.data, word, t.len) == 0;
}

static bool is_type_word(struct token t)
{
    return is(t, "class") || is(t, "interface") || is(t, "enum") || is(t, "record");
}

/* Behind "package": words and points up to the semicolon. */
static bool read_package(struct scanner *s, char out[JAVA_PACKAGE_MAX])
{
    size_t used = 0;
    for (struct token t = next(s); t.kind == 'a' || t.kind == '.'; t = next(s)) {
        if (t.len >= JAVA_PACKAGE_MAX - used)
            return false;
        memcpy(out + used, t.data, t.len);
        used += t.len;
        out[used] = '\0';
    }
    return true;
}

bool java_entry(const char *source, size_t len, struct java_entry *ret_entry)
{
    struct scanner s = { source, source + len };
    struct java_entry found = { 0 };
    bool is_public = false;
    size_t depth = 0;

    for (struct token t = next(&s); t.data < s.end; t = next(&s)) {
        if (t.kind == '{' || t.kind == '(')
            depth++;
        else if ((t.kind == '}' || t.kind == ')') && depth > 0)
            depth--;
        if (depth > 0)
            continue;
        if (t.kind == '}' || t.kind == ';')
            is_public = false;
        else if (is(t, "public"))
            is_public = true;
        else if (is(t, "package") && !read_package(&s, found.package))
            return false;
        else if (is_public && is_type_word(t) && (t = next(&s)).kind == 'a') {
            found.name = t.data;
            found.name_len = t.len;
            break;
        }
    }
    *ret_entry = found;
    return true;
}
