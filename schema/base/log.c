#include "schema/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistr.h>

#include "schema/base/base.h"
#include "schema/base/clock.h"

#define LINE_MAX_BYTES  16384
#define VALUE_MAX_BYTES 1000 /* of a text value, before escaping; then "..." */

static enum log_level least = LOG_INFO;
static bool as_json;

static const char *const level_names[] = { "debug", "info", "warning", "error" };

/* On the stack: a log line must not need memory when there is none. */
struct line {
    size_t len;
    bool full; /* something did not fit */
    char data[LINE_MAX_BYTES];
};

static void put(struct line *l, const char *data, size_t len)
{
    size_t room = sizeof l->data - sizeof ",\"cut\":true}\n" - l->len;
    if (l->full || len > room) {
        l->full = true;
        return;
    }
    memcpy(l->data + l->len, data, len);
    l->len += len;
}

static void put_text(struct line *l, const char *text) { put(l, text, strlen(text)); }

static void put_unit(struct line *l, unsigned unit)
{
    char escape[8];
    int n = snprintf(escape, sizeof escape, "\\u%04x", unit & 0xFFFF);
    put(l, escape, (size_t)n);
}

/* Everything but printable ASCII is escaped as in JSON: no value can end the line, colour the
 * terminal or turn the text around. Ill-formed UTF-8 becomes \ufffd. */
static size_t put_escaped(struct line *l, const char *text, size_t len)
{
    ucs4_t c;
    int size = u8_mbtouc(&c, (const uint8_t *)text, len);

    if (c == '"' || c == '\\')
        put(l, "\\", 1);
    if (c >= 0x20 && c < 0x7F) {
        put(l, text, 1);
    } else if (c == '\n' || c == '\r' || c == '\t') {
        put_text(l, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    } else if (c < 0x10000) {
        put_unit(l, c);
    } else {
        put_unit(l, 0xD800 + ((c - 0x10000) >> 10));
        put_unit(l, 0xDC00 + ((c - 0x10000) & 0x3FF));
    }
    return (size_t)size;
}

static void put_quoted(struct line *l, const char *text)
{
    size_t len = strnlen(text, VALUE_MAX_BYTES + 1), at = 0;
    size_t end = len > VALUE_MAX_BYTES ? VALUE_MAX_BYTES : len;

    put(l, "\"", 1);
    while (at < end)
        at += put_escaped(l, text + at, len - at);
    if (end < len)
        put_text(l, "...");
    put(l, "\"", 1);
}

static bool needs_quotes(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:@%+,;#~*()[]";
    return *text == '\0' || text[strspn(text, plain)] != '\0' || strlen(text) > VALUE_MAX_BYTES;
}

static void put_field(struct line *l, const struct log_field *f)
{
    size_t before = l->len;
    char number[24];

    if (before > (as_json ? 1 : 0))
        put(l, as_json ? "," : " ", 1);
    if (as_json)
        put(l, "\"", 1);
    put_text(l, f->key);
    put_text(l, as_json ? "\":" : "=");
    if (!f->text) {
        (void)snprintf(number, sizeof number, "%lld", (long long)f->number);
        put_text(l, number);
    } else if (as_json || needs_quotes(f->text)) {
        put_quoted(l, f->text);
    } else {
        put_text(l, f->text);
    }
    if (l->full)
        l->len = before; /* whole fields only */
}

static void put_end(struct line *l)
{
    const char *end = as_json ? "}\n" : "\n";
    if (l->full)
        end = as_json ? ",\"cut\":true}\n" : " cut=true\n";
    memcpy(l->data + l->len, end, strlen(end)); /* put() kept room for it */
    l->len += strlen(end);
}

void log_init(enum log_level least_, bool json)
{
    least = least_;
    as_json = json;
}

void log_event(enum log_level level, const char *event, const struct log_field *fields)
{
    struct line l;
    char now[CLOCK_RFC3339_SIZE];
    int saved = errno;

    if (level < least)
        return;
    l.len = 0;
    l.full = false;
    if (as_json)
        put(&l, "{", 1);
    clock_rfc3339(clock_wall_ms(), now);
    const struct log_field head[] = { log_s("time", now), log_s("level", level_names[level]),
                                      log_s("event", event) };
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        put_field(&l, &head[i]);
    for (const struct log_field *f = fields; f->key; f++)
        put_field(&l, f);
    put_end(&l);
    if (write(STDERR_FILENO, l.data, l.len) < 0)
        errno = 0; /* nowhere left to say so */
    errno = saved;
}
