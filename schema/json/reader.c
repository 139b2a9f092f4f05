#include "schema/json/reader.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/base/text.h"

#define LONG_STRING 32 /* bytes between the quotes; from here on extracting is faster */

/* A placeholder begins with U+0001, which in JSON must be written as this escape. A string of the
 * client that begins so is extracted too, so that only our placeholders do in what jansson reads.
 */
#define PLACEHOLDER_START "\\u0001"
#define PLACEHOLDER_CHAR  '\001'

/* One pass over the bytes before jansson sees them. */
struct scan {
    const char *json;
    size_t len, at;
    int64_t depth, max_depth, values, max_values;
    size_t key;          /* offset of the last key at depth 1: the current top-level field */
    bool after_colon;    /* the next string is a value of an object */
    size_t copied;       /* bytes of json that were copied to the skeleton */
    struct buf skeleton; /* the document with placeholders */
    struct reader *d;
};

static int hex4(const char *p, const char *end)
{
    int value = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = p[i] ? strchr(digits, p[i] | 0x20) : NULL;
        if (!digit || p[i] < '0')
            return -1;
        value = value * 16 + (int)(digit - digits);
    }
    return value;
}

static size_t append_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* *p is behind "\u". False: invalid, such as half a surrogate pair. */
static bool decode_unicode(const char **p, const char *end, char **out)
{
    int high = hex4(*p, end), low;

    if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF))
        return false;
    *p += 4;
    uint32_t c = (uint32_t)high;
    if (high >= 0xD800 && high <= 0xDBFF) {
        if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
            return false;
        low = hex4(*p + 2, end);
        if (low < 0xDC00 || low > 0xDFFF)
            return false;
        *p += 6;
        c = 0x10000U + (((uint32_t)high - 0xD800U) << 10) + ((uint32_t)low - 0xDC00U);
    }
    *out += append_utf8(*out, c);
    return true;
}

/* Whether there is a byte below 0x20; checks eight at a time. */
static bool has_controls(const char *data, size_t len)
{
    const uint64_t ones = 0x0101010101010101U;
    uint64_t word, found = 0;
    size_t i = 0;

    for (; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, data + i, sizeof word);
        found |= (word - ones * 0x20) & ~word; /* the top bit of a byte: it borrowed */
    }
    for (; i < len; i++)
        found |= (unsigned char)data[i] < 0x20 ? ones << 7 : 0;
    return found & ones << 7;
}

/* Decodes the bytes between two quotes; the result is never longer than they. */
static bool decode_string(const char *p, const char *end, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((escape ? escape : end) - p);
        memcpy(*out, p, plain);
        *out += plain;
        if (!escape)
            return true;
        char kind = escape[1]; /* not behind the end: then the closing quote would be escaped */
        const char *simple = kind ? strchr(from, kind) : NULL;
        p = escape + 2;
        if (simple)
            *(*out)++ = to[simple - from];
        else if (kind != 'u' || !decode_unicode(&p, end, out))
            return false;
    }
    return true;
}

static int append_text(struct reader *d, const struct reader_text *t)
{
    if (d->texts_len == d->texts_size) {
        size_t size = d->texts_size ? d->texts_size * 2 : 8;
        struct reader_text *texts = realloc(d->texts, size * sizeof *texts);
        if (!texts)
            return -1;
        d->texts = texts;
        d->texts_size = size;
    }
    d->texts[d->texts_len++] = *t;
    return 0;
}

/* Extracts the string json[start, s->at), quotes included, from the document. */
static int extract_string(struct scan *s, size_t start)
{
    const char *body = s->json + start + 1, *end = s->json + s->at - 1;
    CLEANUP(freep) char *data = malloc((size_t)(end - body) + 1);
    char *out = data;

    if (!data)
        return -1;
    if (has_controls(body, (size_t)(end - body)) || !text_is_utf8(body, (size_t)(end - body)) ||
        !decode_string(body, end, &out))
        return 0; /* left in place: jansson will return the error */
    *out = '\0';

    size_t before = s->skeleton.len + (start - s->copied);
    if (buf_add(&s->skeleton, s->json + s->copied, start - s->copied) < 0 ||
        buf_printf(&s->skeleton, "\"" PLACEHOLDER_START "%zu\"", s->d->texts_len) < 0)
        return -1;
    s->copied = s->at;
    struct reader_text t = { .bytes = { .data = data, .len = (size_t)(out - data) },
                             .at = start,
                             .size = s->at - start,
                             .placeholder_len = s->skeleton.len - before };
    if (append_text(s->d, &t) < 0)
        return -1;
    data = NULL; /* s->d->texts owns it now */
    return 0;
}

/* The closing quote of the string that begins at p, behind its opening quote; NULL: none. */
static const char *find_quote(const char *p, const char *end)
{
    for (const char *from = p; from < end;) {
        const char *quote = memchr(from, '"', (size_t)(end - from)), *back = quote;
        if (!quote)
            return NULL;
        while (back > from && back[-1] == '\\')
            back--;
        if ((quote - back) % 2 == 0)
            return quote;
        from = quote + 1;
    }
    return NULL;
}

/* s->at is behind an opening quote; moves it behind the closing one. */
static int scan_string(struct scan *s)
{
    size_t start = s->at - 1;
    const char *body = s->json + s->at, *quote = find_quote(body, s->json + s->len);

    if (s->depth == 1 && !s->after_colon)
        s->key = start;
    if (!quote) { /* jansson will return the error */
        s->at = s->len;
        return 0;
    }
    size_t size = (size_t)(quote - body);
    s->at += size + 1;
    bool ours = size >= LONG_STRING || (size >= 6 && memcmp(body, PLACEHOLDER_START, 6) == 0);
    return s->after_colon && ours ? extract_string(s, start) : 0;
}

/* Sets the error pointer to the current top-level field, if its key has no special characters. */
static void set_error_pointer(struct scan *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz_";
    const char *key = s->json + s->key + 1;
    size_t n = 0;

    while (s->depth > 1 && s->key + 1 + n < s->len && n < sizeof s->d->error_pointer - 2 &&
           key[n] && strchr(plain, key[n]))
        n++;
    if (n > 0 && s->key + 1 + n < s->len && key[n] == '"')
        (void)snprintf(s->d->error_pointer, sizeof s->d->error_pointer, "/%.*s", (int)n, key);
}

static int scan_structure(struct scan *s, char c, struct err *e)
{
    if (c == '{' || c == '[') {
        if (++s->depth > s->max_depth)
            return err_set(e, ERR_SYNTAX, "not JSON we read: deeper than %lld at byte %zu",
                           (long long)s->max_depth, s->at - 1);
    } else if (c == '}' || c == ']') {
        s->depth--;
    }
    if ((c == ',' || c == '{' || c == '[') && ++s->values > s->max_values) {
        set_error_pointer(s);
        return err_set(e, ERR_INPUT, "more than %lld values", (long long)s->max_values);
    }
    return 0;
}

static int scan_document(struct scan *s, struct err *e)
{
    while (s->at < s->len) {
        char c = s->json[s->at++];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            continue;
        if (c == '"' ? scan_string(s) < 0 : scan_structure(s, c, e) < 0)
            return c == '"' ? err_set(e, ERR_NOMEM, "read a JSON document") : -1;
        s->after_colon = c == ':';
    }
    return 0;
}

/* Converts a position in the skeleton to one in the document. */
static size_t original_position(const struct reader *d, size_t at)
{
    for (size_t i = 0; i < d->texts_len && d->texts[i].at + d->texts[i].placeholder_len <= at; i++)
        at += d->texts[i].size - d->texts[i].placeholder_len; /* may wrap below 0 and back */
    return at;
}

static int set_parse_error(const struct reader *d, json_error_t *why, struct err *e)
{
    size_t at = original_position(d, why->position > 0 ? (size_t)why->position : 0);
    char *quote = strstr(why->text, " near '"); /* the client's bytes follow: cut them off */

    if (quote)
        *quote = '\0';
    switch (json_error_code(why)) {
    case json_error_out_of_memory:
    case json_error_unknown: /* jansson often sets no code when memory runs out */
        return err_set(e, ERR_NOMEM, "read a JSON document");
    case json_error_numeric_overflow:
        return err_set(e, ERR_INPUT, "the number at byte %zu is out of range", at);
    case json_error_duplicate_key:
        return err_set(e, ERR_SYNTAX, "not JSON we read: duplicate key at byte %zu", at);
    default:
        return err_set(e, ERR_SYNTAX, "not JSON: line %d, byte %zu: %s", why->line, at, why->text);
    }
}

static int parse_skeleton(struct scan *s, struct err *e)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY;
    const char *text = s->json;
    size_t len = s->len;
    json_error_t why;

    if (s->d->texts_len > 0) {
        if (buf_add(&s->skeleton, s->json + s->copied, s->len - s->copied) < 0)
            return err_set(e, ERR_NOMEM, "read a JSON document");
        text = s->skeleton.data;
        len = s->skeleton.len;
    }
    s->d->root = json_loadb(text, len, flags, &why);
    /* 99999999999999999999 is JSON: parse again with reals, so that the error names the field. */
    if (!s->d->root && json_error_code(&why) == json_error_numeric_overflow) {
        s->d->root = json_loadb(text, len, flags | JSON_DECODE_INT_AS_REAL, &why);
        s->d->reals_only = true;
    }
    return s->d->root ? 0 : set_parse_error(s->d, &why, e);
}

int reader_load(const char *json, size_t len, int64_t max_depth, int64_t max_values,
                struct reader *ret_reader, struct err *e)
{
    static const char bom[] = "\xEF\xBB\xBF";
    const size_t skipped = len >= 3 && memcmp(json, bom, 3) == 0 ? 3 : 0;
    struct reader d = { 0 };

    json += skipped;
    len -= skipped;
    struct scan s = {
        .json = json, .len = len, .max_depth = max_depth, .max_values = max_values, .d = &d
    };

    int result = scan_document(&s, e) < 0 ? -1 : parse_skeleton(&s, e);
    buf_clear(&s.skeleton);
    if (result < 0)
        reader_clear(&d);
    *ret_reader = d;
    return result;
}

void reader_clear(struct reader *d)
{
    for (size_t i = 0; i < d->texts_len; i++)
        bytes_clear(&d->texts[i].bytes);
    free(d->texts);
    json_decref(d->root);
    d->root = NULL;
    d->texts = NULL;
    d->texts_len = d->texts_size = 0;
}

int reader_string(struct reader *d, const json_t *v, struct bytes *ret_bytes)
{
    const char *text = json_string_value(v);
    size_t len = json_string_length(v);

    if (len < 2 || text[0] != PLACEHOLDER_CHAR)
        return bytes_copy(text, len, ret_bytes);
    size_t i = strtoul(text + 1, NULL, 10);
    if (i >= d->texts_len || !d->texts[i].bytes.data)
        return -1; /* a second call for one string */
    *ret_bytes = d->texts[i].bytes;
    d->texts[i].bytes = (struct bytes){ 0 };
    return 0;
}
