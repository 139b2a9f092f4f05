#include "schema/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistr.h>

/* A message can contain foreign bytes, and truncation can cut a character. JSON needs UTF-8, so
 * every invalid byte becomes '?'. */
static void replace_invalid_utf8(char *msg)
{
    uint8_t *bad = (uint8_t *)msg;

    while ((bad = (uint8_t *)(uintptr_t)u8_check(bad, strlen((char *)bad))))
        *bad = '?';
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
    if (!e)
        return -1;

    va_list ap;
    va_start(ap, fmt);
    e->kind = kind;
    (void)vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    replace_invalid_utf8(e->msg);
    return -1;
}

int err_errno(struct err *e, enum err_kind kind, int number, const char *fmt, ...)
{
    char context[sizeof e->msg], reason[100];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    return err_set(e, kind, "%.280s: %s", context, strerror_r(number, reason, sizeof reason));
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char inner[sizeof e->msg];
    va_list ap;

    if (!e)
        return -1;

    memcpy(inner, e->msg, sizeof inner);
    va_start(ap, fmt);
    int n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n + 3 >= sizeof e->msg) {
        replace_invalid_utf8(e->msg);
        return -1; /* there is no space behind the context */
    }
    memcpy(e->msg + n, ": ", 2);
    size_t room = sizeof e->msg - (size_t)n - 3;
    size_t len = strnlen(inner, room);
    memcpy(e->msg + n + 2, inner, len);
    e->msg[(size_t)n + 2 + len] = '\0';
    replace_invalid_utf8(e->msg);
    return -1;
}

#define ERR_NAME(kind, name) [kind] = name,
static const char *const kind_names[ERR_KIND_COUNT] = { ERR_KINDS(ERR_NAME) };
#undef ERR_NAME

const char *err_kind_name(enum err_kind kind) { return kind_names[kind]; }
