#include "engine/agent/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fault_set(struct fault *f, const char *fmt, ...)
{
    va_list args;

    f->host = false;
    va_start(args, fmt);
    (void)vsnprintf(f->why, sizeof f->why, fmt, args);
    va_end(args);
    return -1;
}

int fault_host(struct fault *f, const char *fmt, ...)
{
    va_list args;

    f->host = true;
    va_start(args, fmt);
    (void)vsnprintf(f->why, sizeof f->why, fmt, args);
    va_end(args);
    return -1;
}

int fault_errno(struct fault *f, const char *fmt, ...)
{
    const char *words = strerror(errno);
    va_list args;

    f->host = false;
    va_start(args, fmt);
    int len = vsnprintf(f->why, sizeof f->why, fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof f->why)
        (void)snprintf(f->why + len, sizeof f->why - (size_t)len, ": %s", words);
    return -1;
}
