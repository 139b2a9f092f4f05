#include "engine/queue/job_source.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/base/err.h"
#include "schema/store/jobs.h"

struct job_source {
    struct jobs *own; /* borrowed */
    pthread_mutex_t lock;
    pthread_cond_t released;
    /* guarded by lock */
    struct jobs *adopted; /* borrowed; NULL: none */
    int holders;
    bool fault_seen;
};

int job_source_open(struct jobs *own, struct job_source **ret_source, struct err *e)
{
    struct job_source *source = calloc(1, sizeof *source);

    if (!source)
        return err_set(e, ERR_NOMEM, "job tables");
    source->own = own;
    (void)pthread_mutex_init(&source->lock, NULL);
    (void)pthread_cond_init(&source->released, NULL);
    *ret_source = source;
    return 0;
}

struct job_source *job_source_free(struct job_source *source)
{
    if (!source)
        return NULL;
    (void)pthread_cond_destroy(&source->released);
    (void)pthread_mutex_destroy(&source->lock);
    free(source);
    return NULL;
}

struct jobs *job_source_own(const struct job_source *source) { return source->own; }

int job_source_adopt(struct job_source *source, struct jobs *j, struct err *e)
{
    (void)pthread_mutex_lock(&source->lock);
    bool first = !source->adopted;
    if (first) {
        source->adopted = j;
        source->fault_seen = false;
    }
    (void)pthread_mutex_unlock(&source->lock);
    return first ? 0 : err_set(e, ERR_BUG, "a second table was adopted");
}

void job_source_disown(struct job_source *source)
{
    (void)pthread_mutex_lock(&source->lock);
    source->adopted = NULL;
    while (source->holders > 0)
        (void)pthread_cond_wait(&source->released, &source->lock);
    (void)pthread_mutex_unlock(&source->lock);
}

struct jobs *job_source_hold(struct job_source *source)
{
    (void)pthread_mutex_lock(&source->lock);
    struct jobs *j = source->adopted;
    source->holders += j ? 1 : 0;
    (void)pthread_mutex_unlock(&source->lock);
    return j;
}

void job_source_release(struct job_source *source)
{
    (void)pthread_mutex_lock(&source->lock);
    source->holders--;
    (void)pthread_cond_broadcast(&source->released);
    (void)pthread_mutex_unlock(&source->lock);
}

bool job_source_adopted_id(struct job_source *source, char ret_id[TEXT_ID_SIZE])
{
    (void)pthread_mutex_lock(&source->lock);
    bool found = source->adopted;
    if (found)
        (void)snprintf(ret_id, TEXT_ID_SIZE, "%s", jobs_table_id(source->adopted));
    (void)pthread_mutex_unlock(&source->lock);
    return found;
}

bool job_source_first_fault(struct job_source *source)
{
    (void)pthread_mutex_lock(&source->lock);
    bool first = !source->fault_seen;
    source->fault_seen = true;
    (void)pthread_mutex_unlock(&source->lock);
    return first;
}
