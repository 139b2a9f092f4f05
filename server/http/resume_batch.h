/* server/http/resume_batch.h - resumes many requests together: one is the leader, the others are
 * its followers.
 *
 *     resume_batch_resume(r1)          r1 is resumed, and becomes the leader
 *     resume_batch_resume(r2), (r3)    they become followers of r1
 *     resume_batch_lead(r1)            on one of the library's threads: r2 and r3 are resumed
 *
 * To resume a request takes a lock of the library, a write and perhaps the wake-up of a thread. A
 * thread that resumes a whole group pays for that once; the library's threads pay for the rest.
 *
 * Room     server/http.
 * Owns     no request; those in its list are suspended. Knows nothing of what they are.
 * Threads  any.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

/* A part of each request; private to resume_batch.c. */
struct resume_batch_member {
    struct resume_batch_member *follows;
    bool leads;
};

struct resume_batch {
    pthread_mutex_t lock;
    void (*resume)(struct resume_batch_member *m);

    /* guarded by lock */
    struct resume_batch_member *followers;
    bool has_leader; /* a leader has been resumed and has not yet resumed its followers */
};

/* resume: resumes one request, which may be freed when it returns. Called without the lock. */
void resume_batch_init(struct resume_batch *b, void (*resume)(struct resume_batch_member *m));
void resume_batch_destroy(struct resume_batch *b); /* must be empty */

/* Has resume() called for m: now, or by the leader. */
void resume_batch_resume(struct resume_batch *b, struct resume_batch_member *m);

/* Resumes the followers, if m is the leader. Call it before m's next step, and at m's end, in case
 * there was no step. */
void resume_batch_lead(struct resume_batch *b, struct resume_batch_member *m);
