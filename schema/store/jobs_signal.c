#include "schema/store/jobs_signal.h"

#include <string.h>

#include "schema/store/jobs_table.h"

void jobs_signal(struct jobs *j, const char *text)
{
    if (j->backend->signal && strlen(text) <= JOBS_SIGNAL_MAX)
        j->backend->signal(j, text);
}

void jobs_signal_listen(struct jobs *j, jobs_signal_fn *fn, void *ctx)
{
    (void)pthread_mutex_lock(&j->lock);
    j->listeners.signal.fn = fn;
    j->listeners.signal.ctx = ctx;
    (void)pthread_mutex_unlock(&j->lock);
}
