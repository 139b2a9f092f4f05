#include "engine/pool/permits.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/base/err.h"

struct permits {
    int64_t parallel; /* never changes, as does the next */
    int64_t real;     /* parallel, or the cores of this host if there are fewer */
    pthread_mutex_t lock;
    pthread_cond_t left;
    /* guarded by lock */
    int64_t busy, waiting;
    bool closed;
};

int permits_open(int64_t parallel, struct permits **ret_cores, struct err *e)
{
    struct permits *c = calloc(1, sizeof *c);
    int64_t online = sysconf(_SC_NPROCESSORS_ONLN);

    if (!c)
        return err_set(e, ERR_NOMEM, "the permits to run");
    c->parallel = parallel;
    c->real = online < parallel ? online : parallel;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->left, NULL);
    *ret_cores = c;
    return 0;
}

struct permits *permits_free(struct permits *c)
{
    if (!c)
        return NULL;
    (void)pthread_cond_destroy(&c->left);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}

void permits_take(struct permits *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->waiting++;
    while (c->busy >= c->parallel && !c->closed)
        (void)pthread_cond_wait(&c->left, &c->lock);
    c->waiting--;
    c->busy++;
    (void)pthread_mutex_unlock(&c->lock);
}

static bool is_idle_locked(const struct permits *c)
{
    return c->busy < c->real && c->waiting == 0 && !c->closed;
}

int64_t permits_most(const struct permits *c) { return c->real; }

bool permits_try(struct permits *c)
{
    (void)pthread_mutex_lock(&c->lock);
    bool idle = is_idle_locked(c);
    c->busy += idle ? 1 : 0;
    (void)pthread_mutex_unlock(&c->lock);
    return idle;
}

bool permits_idle(struct permits *c)
{
    (void)pthread_mutex_lock(&c->lock);
    bool idle = is_idle_locked(c);
    (void)pthread_mutex_unlock(&c->lock);
    return idle;
}

void permits_give(struct permits *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->busy--;
    (void)pthread_cond_signal(&c->left);
    (void)pthread_mutex_unlock(&c->lock);
}

void permits_close(struct permits *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->closed = true;
    (void)pthread_cond_broadcast(&c->left);
    (void)pthread_mutex_unlock(&c->lock);
}
