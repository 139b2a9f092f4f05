#include "server/http/in_flight.h"

#include "schema/base/clock.h"

void in_flight_init(struct in_flight *f)
{
    pthread_mutex_init(&f->lock, NULL);
    clock_cond_init(&f->changed);
    atomic_init(&f->draining, false);
    f->requests = f->holders = f->paused = 0;
    f->stopping = false;
}

void in_flight_destroy(struct in_flight *f)
{
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
}

void in_flight_begin(struct in_flight *f)
{
    pthread_mutex_lock(&f->lock);
    f->requests++;
    pthread_mutex_unlock(&f->lock);
}

void in_flight_end(struct in_flight *f)
{
    pthread_mutex_lock(&f->lock);
    if (--f->requests == 0 && f->stopping)
        pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

bool in_flight_pause(struct in_flight *f)
{
    pthread_mutex_lock(&f->lock);
    bool may = !f->stopping;
    f->paused += may;
    pthread_mutex_unlock(&f->lock);
    return may;
}

void in_flight_unpause(struct in_flight *f)
{
    pthread_mutex_lock(&f->lock);
    if (--f->paused == 0 && f->stopping)
        pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

bool in_flight_hold(struct in_flight *f)
{
    pthread_mutex_lock(&f->lock);
    bool may = !in_flight_is_draining(f);
    f->holders += may;
    pthread_mutex_unlock(&f->lock);
    return may;
}

void in_flight_release(struct in_flight *f)
{
    pthread_mutex_lock(&f->lock);
    if (--f->holders == 0 && in_flight_is_draining(f))
        pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

void in_flight_drain(struct in_flight *f)
{
    pthread_mutex_lock(&f->lock);
    atomic_store(&f->draining, true);
    while (f->holders > 0)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

bool in_flight_is_draining(struct in_flight *f)
{
    return atomic_load_explicit(&f->draining, memory_order_relaxed);
}

void in_flight_stop(struct in_flight *f)
{
    in_flight_drain(f);
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    pthread_mutex_unlock(&f->lock);
}

void in_flight_wait_unpaused(struct in_flight *f)
{
    pthread_mutex_lock(&f->lock);
    while (f->paused > 0)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

void in_flight_wait_empty(struct in_flight *f, int64_t deadline_ns)
{
    pthread_mutex_lock(&f->lock);
    while (f->requests > 0 && clock_cond_wait(&f->changed, &f->lock, deadline_ns))
        ;
    pthread_mutex_unlock(&f->lock);
}
