#include "client/difference.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "client/reply.h"
#include "client/term.h"

/* Lines before the one that differs. */
#define CONTEXT 2
/* Of one line. */
#define LINE_MOST 256

struct difference_line {
    const char *data;
    size_t len;
};

static struct difference_line member(const json_t *object, const char *name)
{
    const json_t *text = json_object_get(object, name);

    return (struct difference_line){ .data = json_is_string(text) ? json_string_value(text) : "",
                                     .len = json_string_length(text) };
}

static size_t blanks_at(struct difference_line l, size_t i)
{
    size_t n = 0;

    while (i + n < l.len && isspace((unsigned char)l.data[i + n]))
        n++;
    return n;
}

/* Whether the lines are the same but for blanks, begin or end with them, or differ at one: then
 * they have to be seen. */
static bool blanks_matter(struct difference_line a, struct difference_line b, size_t at)
{
    size_t i = 0, j = 0;

    if (blanks_at(a, at) != blanks_at(b, at) || blanks_at(a, 0) != blanks_at(b, 0))
        return true;
    if ((a.len && isspace((unsigned char)a.data[a.len - 1])) ||
        (b.len && isspace((unsigned char)b.data[b.len - 1])))
        return true;
    for (;; i++, j++) {
        i += blanks_at(a, i);
        j += blanks_at(b, j);
        if (i >= a.len || j >= b.len || a.data[i] != b.data[j])
            return i >= a.len && j >= b.len;
    }
}

/* Writes a line; returns the column at which byte `mark` is, from 0. */
static int write_line(const struct term *t, struct difference_line l, size_t mark,
                      enum term_blanks blanks)
{
    char out[TERM_SPELLED];
    int columns = 0, marked = -1, width;
    size_t i = 0;

    while (i < l.len && i < LINE_MOST) {
        if (i >= mark && marked < 0)
            marked = columns;
        i += term_spell(t, l.data + i, l.len - i, blanks, out, &width);
        term_raw(t, "%s", out);
        columns += width;
    }
    if (i < l.len)
        term_raw(t, "...");
    return marked < 0 ? columns : marked;
}

/* The n-th line, from 1; false: there are not so many. */
static bool line_of(struct difference_line text, int64_t n, struct difference_line *ret_line)
{
    const char *at = text.data, *end = text.data + text.len;

    for (; n > 1 && at < end; n--) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        if (!feed)
            return false;
        at = feed + 1;
    }
    if (at >= end)
        return false;
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    *ret_line = (struct difference_line){ .data = at, .len = (size_t)((feed ? feed : end) - at) };
    return true;
}

/* Lines of the output before the one that differs. Where something was left out of the output,
 * lines of the text are not those of the output. */
static void show_context(const struct term *t, const json_t *test, int64_t line)
{
    struct difference_line output = member(test, "stdout"), l;

    if (json_is_object(json_object_get(test, "stdout_gap")))
        return;
    for (int64_t n = line > CONTEXT ? line - CONTEXT : 1; n < line; n++) {
        if (!line_of(output, n, &l))
            return;
        term_paint(t, TERM_FAINT, "%9lld | ", (long long)n);
        (void)write_line(t, l, l.len, TERM_BLANKS_PLAIN);
        term_raw(t, "\n");
    }
}

void difference_show(const struct term *t, const json_t *test, const char *title)
{
    const json_t *d = json_object_get(test, "first_difference");
    int64_t line = reply_number(d, "line", 0), column = reply_number(d, "column", 0);
    int64_t from = reply_number(d, "from_column", 1);
    struct difference_line expected = member(d, "expected"), got = member(d, "got");

    if (line < 1 || column < from || from < 1)
        return;
    size_t at = (size_t)(column - from);
    enum term_blanks blanks =
        blanks_matter(expected, got, at) ? TERM_BLANKS_DRAWN : TERM_BLANKS_PLAIN;
    term_paint(t, TERM_STRONG, "%s", title);
    term_raw(t, ", line %lld, column %lld%s\n", (long long)line, (long long)column,
             from > 1 ? " (the part around it)" : "");
    show_context(t, test, line);
    term_paint(t, TERM_GOOD, "expected  ");
    term_raw(t, "| ");
    (void)write_line(t, expected, at, blanks);
    term_raw(t, "\n");
    term_paint(t, TERM_BAD, "got       ");
    term_raw(t, "| ");
    int mark = write_line(t, got, at, blanks);
    term_raw(t, "\n          | %*s", mark, "");
    term_paint(t, TERM_WARN, "^");
    term_raw(t, "\n");
}
