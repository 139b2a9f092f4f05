#include "engine/host/platform_finding.h"

#include <stdarg.h>
#include <stdio.h>

void platform_say(struct platform_finding *f, enum platform_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    f->level = level;
    (void)vsnprintf(f->says, sizeof f->says, fmt, ap);
    va_end(ap);
}

void platform_advise(struct platform_finding *f, const char *means, const char *mend)
{
    (void)snprintf(f->means, sizeof f->means, "%s", means);
    (void)snprintf(f->mend, sizeof f->mend, "%s", mend);
}
