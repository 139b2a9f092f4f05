#include "engine/queue/worker_deadline.h"

#include "schema/base/clock.h"

void worker_deadline_open(struct worker_deadline *d)
{
    clock_cond_init(&d->moved);
    (void)pthread_mutex_init(&d->lock, NULL);
}

void worker_deadline_close(struct worker_deadline *d)
{
    (void)pthread_cond_destroy(&d->moved);
    (void)pthread_mutex_destroy(&d->lock);
}

bool worker_deadline_passed(struct worker_deadline *d, int64_t wait_ns)
{
    int64_t until = clock_mono_ns() + wait_ns;

    (void)pthread_mutex_lock(&d->lock);
    while (!d->passed && wait_ns > 0 && clock_cond_wait(&d->moved, &d->lock, until))
        ;
    bool passed = d->passed;
    (void)pthread_mutex_unlock(&d->lock);
    return passed;
}

void worker_deadline_end(struct worker_deadline *d)
{
    (void)pthread_mutex_lock(&d->lock);
    d->ended = true;
    (void)pthread_cond_broadcast(&d->moved);
    (void)pthread_mutex_unlock(&d->lock);
}

bool worker_deadline_await(struct worker_deadline *d, int64_t deadline_ns)
{
    (void)pthread_mutex_lock(&d->lock);
    while (!d->ended && clock_cond_wait(&d->moved, &d->lock, deadline_ns))
        ;
    bool ended = d->ended;
    d->passed = true;
    (void)pthread_cond_broadcast(&d->moved);
    (void)pthread_mutex_unlock(&d->lock);
    return ended;
}
