#include "engine/host/host_diagnostic.h"

#include <stdarg.h>
#include <stdio.h>

void host_diagnostic_add(struct host_diagnostic *f, enum host_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    f->level = level;
    (void)vsnprintf(f->says, sizeof f->says, fmt, ap);
    va_end(ap);
}

void host_diagnostic_advise(struct host_diagnostic *f, const char *means, const char *mend)
{
    (void)snprintf(f->means, sizeof f->means, "%s", means);
    (void)snprintf(f->mend, sizeof f->mend, "%s", mend);
}
