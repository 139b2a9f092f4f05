#include "schema/json/field_errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int field_errors_add(struct field_errors *p, const char *pointer, const char *fmt, ...)
{
    if (p->len == FIELD_ERRORS_MAX)
        return 0;

    CLEANUP(freep) char *copy = strdup(pointer);
    char *detail;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&detail, fmt, ap);
    va_end(ap);
    if (n < 0)
        return -1;
    if (!copy) {
        free(detail);
        return -1;
    }
    p->list[p->len++] = (struct field_error){ .pointer = TAKE(copy), .detail = detail };
    return 0;
}

void field_errors_clear(struct field_errors *p)
{
    for (size_t i = 0; i < p->len; i++) {
        free(p->list[i].pointer);
        free(p->list[i].detail);
    }
    *p = (struct field_errors){ 0 };
}
