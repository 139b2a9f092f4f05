#include "server/http/crowd.h"

#include <stddef.h>

void crowd_init(struct crowd *c, void (*resume)(struct crowd_member *m))
{
    pthread_mutex_init(&c->lock, NULL);
    c->resume = resume;
    c->followers = NULL;
    c->led = false;
}

void crowd_destroy(struct crowd *c) { pthread_mutex_destroy(&c->lock); }

void crowd_resume(struct crowd *c, struct crowd_member *m)
{
    pthread_mutex_lock(&c->lock);
    bool leads = m->leads = !c->led;
    if (!leads) {
        m->follows = c->followers;
        c->followers = m;
    }
    c->led = true;
    pthread_mutex_unlock(&c->lock);
    if (leads)
        c->resume(m);
}

void crowd_lead(struct crowd *c, struct crowd_member *m)
{
    if (!m->leads)
        return;
    pthread_mutex_lock(&c->lock);
    struct crowd_member *next = c->followers;
    c->followers = NULL;
    c->led = m->leads = false;
    pthread_mutex_unlock(&c->lock);
    while (next) {
        struct crowd_member *follower = next;
        next = follower->follows;
        c->resume(follower);
    }
}
