#include "schema/store/jobs_readers.h"

#include "schema/base/clock.h"
#include "schema/store/db.h"

/* A read of a row or a page takes milliseconds; one that takes longer than this would delay the
 * others. */
#define READ_NS (10 * NS_PER_S)

void jobs_readers_init(struct jobs_readers *r)
{
    (void)pthread_cond_init(&r->released, NULL);
    (void)pthread_mutex_init(&r->lock, NULL);
    r->len = 0;
}

void jobs_readers_destroy(struct jobs_readers *r)
{
    (void)pthread_cond_destroy(&r->released);
    (void)pthread_mutex_destroy(&r->lock);
}

int jobs_readers_open(struct jobs_readers *r, const char *path, struct err *e)
{
    for (; r->len < JOBS_READERS; r->len++)
        if (db_open(path, DB_READER, &r->idle[r->len], e) < 0)
            return -1;
    return 0;
}

int jobs_readers_connect(struct jobs_readers *r, const char *url, struct err *e)
{
    for (; r->len < JOBS_READERS; r->len++)
        if (db_connect(url, DB_READER, &r->idle[r->len], e) < 0)
            return -1;
    return 0;
}

void jobs_readers_close(struct jobs_readers *r)
{
    while (r->len > 0)
        (void)db_close(r->idle[--r->len]);
}

struct db *jobs_readers_acquire(struct jobs_readers *r)
{
    (void)pthread_mutex_lock(&r->lock);
    while (r->len == 0)
        (void)pthread_cond_wait(&r->released, &r->lock);
    struct db *d = r->idle[--r->len];
    (void)pthread_mutex_unlock(&r->lock);
    db_deadline(d, clock_mono_ns() + READ_NS);
    return d;
}

void jobs_readers_release(struct jobs_readers *r, struct db *d)
{
    (void)pthread_mutex_lock(&r->lock);
    r->idle[r->len++] = d; /* acquired next, because its pages are cached */
    (void)pthread_cond_signal(&r->released);
    (void)pthread_mutex_unlock(&r->lock);
}

int64_t jobs_readers_steps(struct jobs_readers *r)
{
    int64_t steps = 0;

    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->len; i++)
        steps += db_steps(r->idle[i]);
    (void)pthread_mutex_unlock(&r->lock);
    return steps;
}
