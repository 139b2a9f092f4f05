#include "server/http/resume_batch.h"

#include <stddef.h>

void resume_batch_init(struct resume_batch *b, void (*resume)(struct resume_batch_member *m))
{
    pthread_mutex_init(&b->lock, NULL);
    b->resume = resume;
    b->followers = NULL;
    b->has_leader = false;
}

void resume_batch_destroy(struct resume_batch *b) { pthread_mutex_destroy(&b->lock); }

void resume_batch_resume(struct resume_batch *b, struct resume_batch_member *m)
{
    pthread_mutex_lock(&b->lock);
    bool leads = m->leads = !b->has_leader;
    if (!leads) {
        m->follows = b->followers;
        b->followers = m;
    }
    b->has_leader = true;
    pthread_mutex_unlock(&b->lock);
    if (leads)
        b->resume(m);
}

void resume_batch_lead(struct resume_batch *b, struct resume_batch_member *m)
{
    if (!m->leads)
        return;
    pthread_mutex_lock(&b->lock);
    struct resume_batch_member *next = b->followers;
    b->followers = NULL;
    b->has_leader = m->leads = false;
    pthread_mutex_unlock(&b->lock);
    while (next) {
        struct resume_batch_member *follower = next;
        next = follower->follows;
        b->resume(follower);
    }
}
