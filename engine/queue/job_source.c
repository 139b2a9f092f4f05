#include "engine/queue/job_source.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/base/err.h"
#include "schema/store/jobs.h"

struct job_source {
    struct jobs *own; /* borrowed */
    pthread_mutex_t lock;
    pthread_cond_t dropped;
    /* guarded by lock */
    struct jobs *adopted; /* borrowed; NULL: none */
    int holders;
    bool complained;
};

int job_source_open(struct jobs *own, struct job_source **ret_tables, struct err *e)
{
    struct job_source *t = calloc(1, sizeof *t);

    if (!t)
        return err_set(e, ERR_NOMEM, "job tables");
    t->own = own;
    (void)pthread_mutex_init(&t->lock, NULL);
    (void)pthread_cond_init(&t->dropped, NULL);
    *ret_tables = t;
    return 0;
}

struct job_source *job_source_free(struct job_source *t)
{
    if (!t)
        return NULL;
    (void)pthread_cond_destroy(&t->dropped);
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
    return NULL;
}

struct jobs *job_source_own(const struct job_source *t) { return t->own; }

int job_source_adopt(struct job_source *t, struct jobs *j, struct err *e)
{
    (void)pthread_mutex_lock(&t->lock);
    bool first = !t->adopted;
    if (first) {
        t->adopted = j;
        t->complained = false;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return first ? 0 : err_set(e, ERR_BUG, "a second table was adopted");
}

void job_source_disown(struct job_source *t)
{
    (void)pthread_mutex_lock(&t->lock);
    t->adopted = NULL;
    while (t->holders > 0)
        (void)pthread_cond_wait(&t->dropped, &t->lock);
    (void)pthread_mutex_unlock(&t->lock);
}

struct jobs *job_source_hold(struct job_source *t)
{
    (void)pthread_mutex_lock(&t->lock);
    struct jobs *j = t->adopted;
    t->holders += j ? 1 : 0;
    (void)pthread_mutex_unlock(&t->lock);
    return j;
}

void job_source_drop(struct job_source *t)
{
    (void)pthread_mutex_lock(&t->lock);
    t->holders--;
    (void)pthread_cond_broadcast(&t->dropped);
    (void)pthread_mutex_unlock(&t->lock);
}

bool job_source_adopted_id(struct job_source *t, char ret_id[TEXT_ID_SIZE])
{
    (void)pthread_mutex_lock(&t->lock);
    bool found = t->adopted;
    if (found)
        (void)snprintf(ret_id, TEXT_ID_SIZE, "%s", jobs_table_id(t->adopted));
    (void)pthread_mutex_unlock(&t->lock);
    return found;
}

bool job_source_complain(struct job_source *t)
{
    (void)pthread_mutex_lock(&t->lock);
    bool first = !t->complained;
    t->complained = true;
    (void)pthread_mutex_unlock(&t->lock);
    return first;
}
