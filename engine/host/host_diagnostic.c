#include "engine/host/host_diagnostic.h"

#include <stdarg.h>
#include <stdio.h>

void host_diagnostic_add(struct host_diagnostic *f, enum host_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    f->level = level;
    (void)vsnprintf(f->message, sizeof f->message, fmt, ap);
    va_end(ap);
}

void host_diagnostic_advise(struct host_diagnostic *f, const char *impact, const char *remedy)
{
    (void)snprintf(f->impact, sizeof f->impact, "%s", impact);
    (void)snprintf(f->remedy, sizeof f->remedy, "%s", remedy);
}
