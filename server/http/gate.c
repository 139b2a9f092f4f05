#include "server/http/gate.h"

#include "schema/base/clock.h"

void gate_init(struct gate *g)
{
    pthread_mutex_init(&g->lock, NULL);
    clock_cond_init(&g->less);
    atomic_init(&g->draining, false);
    g->requests = g->users = g->paused = 0;
    g->stopping = false;
}

void gate_destroy(struct gate *g)
{
    pthread_cond_destroy(&g->less);
    pthread_mutex_destroy(&g->lock);
}

void gate_enter(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->requests++;
    pthread_mutex_unlock(&g->lock);
}

void gate_leave(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    if (--g->requests == 0 && g->stopping)
        pthread_cond_broadcast(&g->less);
    pthread_mutex_unlock(&g->lock);
}

bool gate_pause(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    bool may = !g->stopping;
    g->paused += may;
    pthread_mutex_unlock(&g->lock);
    return may;
}

void gate_unpause(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    if (--g->paused == 0 && g->stopping)
        pthread_cond_broadcast(&g->less);
    pthread_mutex_unlock(&g->lock);
}

bool gate_use(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    bool may = !gate_is_draining(g);
    g->users += may;
    pthread_mutex_unlock(&g->lock);
    return may;
}

void gate_unuse(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    if (--g->users == 0 && gate_is_draining(g))
        pthread_cond_broadcast(&g->less);
    pthread_mutex_unlock(&g->lock);
}

void gate_drain(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    atomic_store(&g->draining, true);
    while (g->users > 0)
        pthread_cond_wait(&g->less, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

bool gate_is_draining(struct gate *g)
{
    return atomic_load_explicit(&g->draining, memory_order_relaxed);
}

void gate_stop(struct gate *g)
{
    gate_drain(g);
    pthread_mutex_lock(&g->lock);
    g->stopping = true;
    pthread_mutex_unlock(&g->lock);
}

void gate_wait_unpaused(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    while (g->paused > 0)
        pthread_cond_wait(&g->less, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

void gate_wait_empty(struct gate *g, int64_t deadline_ns)
{
    pthread_mutex_lock(&g->lock);
    while (g->requests > 0 && clock_cond_wait(&g->less, &g->lock, deadline_ns))
        ;
    pthread_mutex_unlock(&g->lock);
}
