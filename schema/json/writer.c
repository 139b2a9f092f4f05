#include "schema/json/writer.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/text.h"

#define ESCAPE_MAX 6 /* \u001f */

/* Appends len bytes and returns where they begin; NULL: out of memory. */
static char *extend_output(struct writer *w, size_t len)
{
    if (w->failed || buf_reserve(&w->out, len) < 0) {
        w->failed = true;
        return NULL;
    }
    char *at = w->out.data + w->out.len;
    w->out.len += len;
    at[len] = '\0';
    return at;
}

void writer_raw(struct writer *w, const char *json, size_t len)
{
    char *at = extend_output(w, len);
    if (at)
        memcpy(at, json, len);
}

void writer_reserve(struct writer *w, size_t more)
{
    if (!w->failed && buf_reserve(&w->out, more) < 0)
        w->failed = true;
}

/* A value needs a comma unless it is the first or follows its key. The last byte is always
 * structure, never part of a text, because a string ends with its quote. */
static void begin_value(struct writer *w)
{
    char last = '[';
    if (w->out.len > 0)
        last = w->out.data[w->out.len - 1];
    if (last != '[' && last != '{' && last != ':')
        writer_raw(w, ",", 1);
}

void writer_begin(struct writer *w, char brace)
{
    begin_value(w);
    writer_raw(w, &brace, 1);
}

void writer_end(struct writer *w, char brace) { writer_raw(w, &brace, 1); }

void writer_key(struct writer *w, const char *key)
{
    size_t len = strlen(key);

    begin_value(w);
    char *at = extend_output(w, len + 3);
    if (!at)
        return;
    at[0] = '"';
    memcpy(at + 1, key, len); /* NOLINT(bugprone-not-null-terminated-result): one text of many */
    at[len + 1] = '"';
    at[len + 2] = ':';
}

/* Writes the escape of c; returns the position behind it. */
static char *write_escape(char *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *short_form = c ? strchr(from, c) : NULL;

    *out++ = '\\';
    if (short_form) {
        *out++ = to[short_form - from];
        return out;
    }
    const char rest[] = { 'u', '0', '0', digits[c >> 4], digits[c & 15] };
    memcpy(out, rest, sizeof rest);
    return out + sizeof rest;
}

static bool is_plain(char c) { return (unsigned char)c >= 0x20 && c != '"' && c != '\\'; }

/* How many bytes from the start need no escape; checks eight at a time. */
static size_t plain_prefix(const char *data, size_t len)
{
    const uint64_t ones = 0x0101010101010101U;
    size_t i = 0;

    for (uint64_t word, found; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, data + i, sizeof word);
        uint64_t quotes = word ^ ones * '"', backslashes = word ^ ones * '\\';
        found = (word - ones * 0x20) & ~word; /* the top bit of a byte: it borrowed */
        found |= (quotes - ones) & ~quotes;
        found |= (backslashes - ones) & ~backslashes;
        if (found & ones << 7)
            break;
    }
    while (i < len && is_plain(data[i]))
        i++;
    return i;
}

static void write_utf8(struct writer *w, const char *data, size_t len)
{
    begin_value(w);
    writer_reserve(w, len + 2);
    writer_raw(w, "\"", 1);
    for (const char *end = data + len; data < end && !w->failed;) {
        size_t plain = plain_prefix(data, (size_t)(end - data));
        writer_raw(w, data, plain);
        for (data += plain; data < end && !is_plain(*data) && !w->failed; data++) {
            char escaped[ESCAPE_MAX];
            writer_raw(w, escaped, (size_t)(write_escape(escaped, (unsigned char)*data) - escaped));
        }
    }
    writer_raw(w, "\"", 1);
}

void writer_text(struct writer *w, const char *data, size_t len)
{
    char *repaired = NULL;
    size_t repaired_len = 0;

    if (len == 0 || text_is_utf8(data, len)) {
        write_utf8(w, len > 0 ? data : "", len);
        return;
    }
    if (text_to_utf8(data, len, &repaired, &repaired_len) < 0)
        w->failed = true;
    else
        write_utf8(w, repaired, repaired_len);
    free(repaired);
}

static size_t utf8_size(const char *data, size_t len)
{
    size_t size = len + 2;

    for (const char *end = data + len; data < end; data++) {
        if (!is_plain(*data))
            size += *data && strchr("\"\\\b\f\n\r\t", *data) ? 1 : ESCAPE_MAX - 1;
    }
    return size;
}

size_t writer_text_size(const char *data, size_t len)
{
    CLEANUP(freep) char *repaired = NULL;
    size_t repaired_len = 0;

    if (len == 0 || text_is_utf8(data, len))
        return utf8_size(data, len);
    if (text_to_utf8(data, len, &repaired, &repaired_len) < 0)
        return 2 + ESCAPE_MAX * len; /* at most */
    return utf8_size(repaired, repaired_len);
}

void writer_word(struct writer *w, const char *word)
{
    writer_text(w, word, word ? strlen(word) : 0);
}

void writer_base64(struct writer *w, const void *data, size_t len)
{
    CLEANUP(freep) char *text = text_base64(data, len);
    if (!text)
        w->failed = true;
    else
        write_utf8(w, text, strlen(text));
}

void writer_hex(struct writer *w, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    begin_value(w);
    char *at = extend_output(w, 2 * len + 2);
    if (!at)
        return;
    *at++ = '"';
    for (size_t i = 0; i < len; i++) {
        *at++ = digits[data[i] >> 4];
        *at++ = digits[data[i] & 15];
    }
    *at = '"';
}

/* Without snprintf(), which takes longer than all the rest of a small object. */
void writer_number(struct writer *w, int64_t number)
{
    char text[24], *p = text + sizeof text;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do
        *--p = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--p = '-';
    begin_value(w);
    writer_raw(w, p, (size_t)(text + sizeof text - p));
}

void writer_real(struct writer *w, double finite)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%.17g", finite); /* 17 digits give the same double back */
    begin_value(w);
    writer_raw(w, text, (size_t)n);
}

void writer_bool(struct writer *w, bool value)
{
    begin_value(w);
    writer_raw(w, value ? "true" : "false", value ? 4 : 5);
}

void writer_null(struct writer *w)
{
    begin_value(w);
    writer_raw(w, "null", 4);
}

int writer_take(struct writer *w, char **ret_json, size_t *ret_len)
{
    if (w->failed || !w->out.data) {
        writer_clear(w);
        return -1;
    }
    *ret_len = w->out.len;
    *ret_json = buf_take(&w->out);
    return 0;
}

void writer_clear(struct writer *w)
{
    buf_clear(&w->out);
    w->failed = false;
}
