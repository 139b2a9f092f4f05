#include "schema/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistr.h>

#include "schema/base/base.h"
#include "schema/base/clock.h"

#define LINE_MAX_BYTES  16384
#define VALUE_MAX_BYTES 1000 /* of a text value, before escaping; then "..." */

static enum log_level least = LOG_INFO;
static bool as_json;

static const struct {
    const char *name, *journal; /* journal: its priority (sd-daemon(3)) */
} levels[] = { { "debug", "<7>" }, { "info", "<6>" }, { "warning", "<4>" }, { "error", "<3>" } };

/* On the stack, so that logging works when memory has run out. */
struct line {
    size_t len, begun; /* begun: where the fields begin */
    bool full;         /* something did not fit */
    char data[LINE_MAX_BYTES];
};

static void append_bytes(struct line *l, const char *data, size_t len)
{
    size_t room = sizeof l->data - sizeof ",\"cut\":true}\n" - l->len;
    if (l->full || len > room) {
        l->full = true;
        return;
    }
    memcpy(l->data + l->len, data, len);
    l->len += len;
}

static void append_literal(struct line *l, const char *text)
{
    append_bytes(l, text, strlen(text));
}

static void append_unit(struct line *l, unsigned unit)
{
    char escape[8];
    int n = snprintf(escape, sizeof escape, "\\u%04x", unit & 0xFFFF);
    append_bytes(l, escape, (size_t)n);
}

/* All but printable ASCII is escaped as in JSON, so that no value can end the line or control the
 * terminal. Invalid UTF-8 becomes \ufffd. */
static size_t append_escaped(struct line *l, const char *text, size_t len)
{
    ucs4_t c;
    int size = u8_mbtouc(&c, (const uint8_t *)text, len);

    if (c == '"' || c == '\\')
        append_bytes(l, "\\", 1);
    if (c >= 0x20 && c < 0x7F) {
        append_bytes(l, text, 1);
    } else if (c == '\n' || c == '\r' || c == '\t') {
        append_literal(l, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    } else if (c < 0x10000) {
        append_unit(l, c);
    } else {
        append_unit(l, 0xD800 + ((c - 0x10000) >> 10));
        append_unit(l, 0xDC00 + ((c - 0x10000) & 0x3FF));
    }
    return (size_t)size;
}

static void append_quoted(struct line *l, const char *text)
{
    size_t len = strnlen(text, VALUE_MAX_BYTES + 1), at = 0;
    size_t end = len > VALUE_MAX_BYTES ? VALUE_MAX_BYTES : len;

    append_bytes(l, "\"", 1);
    while (at < end)
        at += append_escaped(l, text + at, len - at);
    if (end < len)
        append_literal(l, "...");
    append_bytes(l, "\"", 1);
}

static bool needs_quotes(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:@%+,;#~*()[]";
    return *text == '\0' || text[strspn(text, plain)] != '\0' || strlen(text) > VALUE_MAX_BYTES;
}

static void append_field(struct line *l, const struct log_field *f)
{
    size_t before = l->len;
    char number[24];

    if (before > l->begun)
        append_bytes(l, as_json ? "," : " ", 1);
    if (as_json)
        append_bytes(l, "\"", 1);
    append_literal(l, f->key);
    append_literal(l, as_json ? "\":" : "=");
    if (!f->text) {
        (void)snprintf(number, sizeof number, "%lld", (long long)f->number);
        append_literal(l, number);
    } else if (as_json || needs_quotes(f->text)) {
        append_quoted(l, f->text);
    } else {
        append_literal(l, f->text);
    }
    if (l->full)
        l->len = before; /* write no part of a field */
}

static void append_end(struct line *l)
{
    const char *end = as_json ? "}\n" : "\n";
    if (l->full)
        end = as_json ? ",\"cut\":true}\n" : " cut=true\n";
    memcpy(l->data + l->len, end, strlen(end)); /* append_bytes() leaves space for it */
    l->len += strlen(end);
}

void log_init(enum log_level least_, bool json)
{
    least = least_;
    as_json = json;
}

/* systemd says so by the file that it gave us as stderr (systemd.exec(5), JOURNAL_STREAM). */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char own[48];

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    (void)snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    return strcmp(stream, own) == 0;
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
    if (is_journal())
        append_literal(&l, levels[level].journal);
    if (as_json)
        append_bytes(&l, "{", 1);
    l.begun = l.len;
    clock_rfc3339(clock_wall_ms(), now);
    const struct log_field head[] = { log_s("time", now), log_s("level", levels[level].name),
                                      log_s("event", event) };
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        append_field(&l, &head[i]);
    for (const struct log_field *f = fields; f->key; f++)
        append_field(&l, f);
    append_end(&l);
    if (write(STDERR_FILENO, l.data, l.len) < 0)
        errno = 0; /* cannot be reported anywhere */
    errno = saved;
}
