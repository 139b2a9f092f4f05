#include "schema/json/writer.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/text.h"

#define ESCAPE_MAX 6 /* \u001f */

/* Where the next len bytes go, or NULL out of memory. */
static char *room(struct writer *e, size_t len)
{
    if (e->failed || buf_reserve(&e->out, len) < 0) {
        e->failed = true;
        return NULL;
    }
    char *at = e->out.data + e->out.len;
    e->out.len += len;
    at[len] = '\0';
    return at;
}

void writer_raw(struct writer *e, const char *json, size_t len)
{
    char *at = room(e, len);
    if (at)
        memcpy(at, json, len);
}

void writer_reserve(struct writer *e, size_t more)
{
    if (!e->failed && buf_reserve(&e->out, more) < 0)
        e->failed = true;
}

/* A value needs a comma unless it is the first here or follows its key. What stands before is
 * structure, never text: a string's own bytes end in its quote. */
static void begin_value(struct writer *e)
{
    char last = '[';
    if (e->out.len > 0)
        last = e->out.data[e->out.len - 1];
    if (last != '[' && last != '{' && last != ':')
        writer_raw(e, ",", 1);
}

void writer_begin(struct writer *e, char brace)
{
    begin_value(e);
    writer_raw(e, &brace, 1);
}

void writer_end(struct writer *e, char brace) { writer_raw(e, &brace, 1); }

void writer_key(struct writer *e, const char *key)
{
    size_t len = strlen(key);

    begin_value(e);
    char *at = room(e, len + 3);
    if (!at)
        return;
    at[0] = '"';
    memcpy(at + 1, key, len); /* NOLINT(bugprone-not-null-terminated-result): one text of many */
    at[len + 1] = '"';
    at[len + 2] = ':';
}

/* Writes c as it stands in a JSON string; returns what lies behind. */
static char *escape(char *out, unsigned char c)
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

/* How many bytes from the start stand for themselves in a JSON string; eight at a time. */
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

static void emit_utf8(struct writer *e, const char *data, size_t len)
{
    begin_value(e);
    writer_reserve(e, len + 2);
    writer_raw(e, "\"", 1);
    for (const char *end = data + len; data < end && !e->failed;) {
        size_t plain = plain_prefix(data, (size_t)(end - data));
        writer_raw(e, data, plain);
        for (data += plain; data < end && !is_plain(*data) && !e->failed; data++) {
            char escaped[ESCAPE_MAX];
            writer_raw(e, escaped, (size_t)(escape(escaped, (unsigned char)*data) - escaped));
        }
    }
    writer_raw(e, "\"", 1);
}

void writer_text(struct writer *e, const char *data, size_t len)
{
    char *mended = NULL;
    size_t mended_len = 0;

    if (len == 0 || text_is_utf8(data, len)) {
        emit_utf8(e, len > 0 ? data : "", len);
        return;
    }
    if (text_to_utf8(data, len, &mended, &mended_len) < 0)
        e->failed = true;
    else
        emit_utf8(e, mended, mended_len);
    free(mended);
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
    CLEANUP(freep) char *mended = NULL;
    size_t mended_len = 0;

    if (len == 0 || text_is_utf8(data, len))
        return utf8_size(data, len);
    if (text_to_utf8(data, len, &mended, &mended_len) < 0)
        return 2 + ESCAPE_MAX * len; /* at most */
    return utf8_size(mended, mended_len);
}

void writer_word(struct writer *e, const char *word)
{
    writer_text(e, word, word ? strlen(word) : 0);
}

void writer_base64(struct writer *e, const void *data, size_t len)
{
    CLEANUP(freep) char *text = text_base64(data, len);
    if (!text)
        e->failed = true;
    else
        emit_utf8(e, text, strlen(text));
}

void writer_hex(struct writer *e, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    begin_value(e);
    char *at = room(e, 2 * len + 2);
    if (!at)
        return;
    *at++ = '"';
    for (size_t i = 0; i < len; i++) {
        *at++ = digits[data[i] >> 4];
        *at++ = digits[data[i] & 15];
    }
    *at = '"';
}

/* snprintf() takes longer than all the rest of a small object. */
void writer_number(struct writer *e, int64_t number)
{
    char text[24], *p = text + sizeof text;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do
        *--p = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--p = '-';
    begin_value(e);
    writer_raw(e, p, (size_t)(text + sizeof text - p));
}

void writer_real(struct writer *e, double finite)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%.17g", finite); /* 17 digits give the same double back */
    begin_value(e);
    writer_raw(e, text, (size_t)n);
}

void writer_bool(struct writer *e, bool value)
{
    begin_value(e);
    writer_raw(e, value ? "true" : "false", value ? 4 : 5);
}

void writer_null(struct writer *e)
{
    begin_value(e);
    writer_raw(e, "null", 4);
}

int writer_take(struct writer *e, char **ret_json, size_t *ret_len)
{
    if (e->failed || !e->out.data) {
        writer_clear(e);
        return -1;
    }
    *ret_len = e->out.len;
    *ret_json = buf_take(&e->out);
    return 0;
}

void writer_clear(struct writer *e)
{
    buf_clear(&e->out);
    e->failed = false;
}
