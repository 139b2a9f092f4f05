/* server/http/resume_batch.h - many requests that may go on at once, resumed by one of their own.
 *
 *     resume_batch_resume(r1): r1 goes on, and leads    resume_batch_resume(r2), (r3): they wait
 * for their leader resume_batch_lead(r1), on one of the library's threads: r2 and r3 go on
 *
 * To resume a request takes a lock of the library, a write and perhaps a thread that must be woken.
 * Whoever lets a whole group go on, and has the next one waiting, does that once; the rest is done
 * where the answers are made.
 *
 * Room     server/http.
 * Owns     no request; those in its list are suspended. Has never heard of what they are.
 * Threads  any.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

/* What a request has for it; private to resume_batch.c. */
struct resume_batch_member {
    struct resume_batch_member *follows;
    bool leads;
};

struct resume_batch {
    pthread_mutex_t lock;
    void (*resume)(struct resume_batch_member *m);

    /* guarded by lock */
    struct resume_batch_member *followers;
    bool has_leader; /* a leader is on its way */
};

/* resume: lets one go on, which may be gone when it returns. */
void resume_batch_init(struct resume_batch *b, void (*resume)(struct resume_batch_member *m));
void resume_batch_destroy(struct resume_batch *b); /* must be empty */

/* resume(), now or soon. */
void resume_batch_resume(struct resume_batch *b, struct resume_batch_member *m);

/* Before m's next step, and at its end if there was none: its followers go on. */
void resume_batch_lead(struct resume_batch *b, struct resume_batch_member *m);
