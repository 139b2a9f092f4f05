#include "schema/base/csv.h"

#include <stdbool.h>
#include <string.h>

#include "schema/base/buf.h"

static bool looks_like_formula(const char *text)
{
    return *text && strchr("=+-@\t\r", *text) && strcmp(text, "-") != 0;
}

/* front: what comes before the text in its cell. */
static int csv_quoted(struct buf *out, const char *front, const char *text)
{
    if (buf_printf(out, "\"%s", front) < 0)
        return -1;
    for (const char *quote; (quote = strchr(text, '"')); text = quote + 1)
        if (buf_add(out, text, (size_t)(quote - text)) < 0 || buf_add(out, "\"\"", 2) < 0)
            return -1;
    return buf_printf(out, "%s\"", text);
}

int csv_text(struct buf *out, const char *text)
{
    const char *front = looks_like_formula(text) ? "'" : "";

    if (text[strcspn(text, "\",\r\n")])
        return csv_quoted(out, front, text);
    return buf_printf(out, "%s%s", front, text);
}
