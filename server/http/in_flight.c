#include "server/http/in_flight.h"

#include "schema/base/clock.h"

void in_flight_init(struct in_flight *g)
{
    pthread_mutex_init(&g->lock, NULL);
    clock_cond_init(&g->less);
    atomic_init(&g->draining, false);
    g->requests = g->users = g->paused = 0;
    g->stopping = false;
}

void in_flight_destroy(struct in_flight *g)
{
    pthread_cond_destroy(&g->less);
    pthread_mutex_destroy(&g->lock);
}

void in_flight_begin(struct in_flight *g)
{
    pthread_mutex_lock(&g->lock);
    g->requests++;
    pthread_mutex_unlock(&g->lock);
}

void in_flight_end(struct in_flight *g)
{
    pthread_mutex_lock(&g->lock);
    if (--g->requests == 0 && g->stopping)
        pthread_cond_broadcast(&g->less);
    pthread_mutex_unlock(&g->lock);
}

bool in_flight_pause(struct in_flight *g)
{
    pthread_mutex_lock(&g->lock);
    bool may = !g->stopping;
    g->paused += may;
    pthread_mutex_unlock(&g->lock);
    return may;
}

void in_flight_unpause(struct in_flight *g)
{
    pthread_mutex_lock(&g->lock);
    if (--g->paused == 0 && g->stopping)
        pthread_cond_broadcast(&g->less);
    pthread_mutex_unlock(&g->lock);
}

bool in_flight_hold(struct in_flight *g)
{
    pthread_mutex_lock(&g->lock);
    bool may = !in_flight_is_draining(g);
    g->users += may;
    pthread_mutex_unlock(&g->lock);
    return may;
}

void in_flight_release(struct in_flight *g)
{
    pthread_mutex_lock(&g->lock);
    if (--g->users == 0 && in_flight_is_draining(g))
        pthread_cond_broadcast(&g->less);
    pthread_mutex_unlock(&g->lock);
}

void in_flight_drain(struct in_flight *g)
{
    pthread_mutex_lock(&g->lock);
    atomic_store(&g->draining, true);
    while (g->users > 0)
        pthread_cond_wait(&g->less, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

bool in_flight_is_draining(struct in_flight *g)
{
    return atomic_load_explicit(&g->draining, memory_order_relaxed);
}

void in_flight_stop(struct in_flight *g)
{
    in_flight_drain(g);
    pthread_mutex_lock(&g->lock);
    g->stopping = true;
    pthread_mutex_unlock(&g->lock);
}

void in_flight_wait_unpaused(struct in_flight *g)
{
    pthread_mutex_lock(&g->lock);
    while (g->paused > 0)
        pthread_cond_wait(&g->less, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

void in_flight_wait_empty(struct in_flight *g, int64_t deadline_ns)
{
    pthread_mutex_lock(&g->lock);
    while (g->requests > 0 && clock_cond_wait(&g->less, &g->lock, deadline_ns))
        ;
    pthread_mutex_unlock(&g->lock);
}
