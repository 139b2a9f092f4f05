#include "server/crowd.h"

#include <stddef.h>

#include "server/request.h"

void crowd_init(struct crowd *c)
{
    pthread_mutex_init(&c->lock, NULL);
    c->followers = NULL;
    c->led = false;
}

void crowd_destroy(struct crowd *c) { pthread_mutex_destroy(&c->lock); }

void crowd_resume(struct crowd *c, struct request *r)
{
    pthread_mutex_lock(&c->lock);
    bool leads = r->leads = !c->led;
    if (!leads) {
        r->follows = c->followers;
        c->followers = r;
    }
    c->led = true;
    pthread_mutex_unlock(&c->lock);
    if (leads)
        request_resume(r);
}

void crowd_lead(struct crowd *c, struct request *r)
{
    if (!r->leads)
        return;
    pthread_mutex_lock(&c->lock);
    struct request *next = c->followers;
    c->followers = NULL;
    c->led = r->leads = false;
    pthread_mutex_unlock(&c->lock);
    while (next) {
        struct request *follower = next;
        next = follower->follows;
        request_resume(follower);
    }
}
