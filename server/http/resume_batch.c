#include "server/http/resume_batch.h"

#include <stddef.h>

void resume_batch_init(struct resume_batch *c, void (*resume)(struct resume_batch_member *m))
{
    pthread_mutex_init(&c->lock, NULL);
    c->resume = resume;
    c->followers = NULL;
    c->led = false;
}

void resume_batch_destroy(struct resume_batch *c) { pthread_mutex_destroy(&c->lock); }

void resume_batch_resume(struct resume_batch *c, struct resume_batch_member *m)
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

void resume_batch_lead(struct resume_batch *c, struct resume_batch_member *m)
{
    if (!m->leads)
        return;
    pthread_mutex_lock(&c->lock);
    struct resume_batch_member *next = c->followers;
    c->followers = NULL;
    c->led = m->leads = false;
    pthread_mutex_unlock(&c->lock);
    while (next) {
        struct resume_batch_member *follower = next;
        next = follower->follows;
        c->resume(follower);
    }
}
