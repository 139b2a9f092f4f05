#include "server/executor.h"

#include <pthread.h>
#include <stdbool.h>

#include "schema/base/err.h"

struct executor {
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t *threads; /* owned */
    int threads_len;

    /* guarded by lock */
    struct executor_task *first, *last;
    bool ending;
};

static void *work(void *ctx)
{
    struct executor *a = ctx;

    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->first && !a->ending)
            pthread_cond_wait(&a->more, &a->lock);
        struct executor_task *t = a->first;
        if (!t)
            break;
        a->first = t->next;
        pthread_mutex_unlock(&a->lock);
        t->run(t);
        pthread_mutex_lock(&a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

int executor_open(int threads, struct executor **ret_aside, struct err *e)
{
    struct executor *a = calloc(1, sizeof *a);

    if (!a || !(a->threads = calloc((size_t)threads, sizeof *a->threads))) {
        free(a);
        return err_set(e, ERR_NOMEM, "threads for large requests");
    }
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->more, NULL);
    for (; a->threads_len < threads; a->threads_len++) {
        if (pthread_create(&a->threads[a->threads_len], NULL, work, a) != 0) {
            executor_free(a);
            return err_set(e, ERR_NOMEM, "start a thread for large requests");
        }
    }
    *ret_aside = a;
    return 0;
}

void executor_submit(struct executor *a, struct executor_task *t)
{
    t->next = NULL;
    pthread_mutex_lock(&a->lock);
    if (a->first)
        a->last->next = t;
    else
        a->first = t;
    a->last = t;
    pthread_cond_signal(&a->more);
    pthread_mutex_unlock(&a->lock);
}

struct executor *executor_free(struct executor *a)
{
    if (!a)
        return NULL;
    pthread_mutex_lock(&a->lock);
    a->ending = true;
    pthread_cond_broadcast(&a->more);
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; i < a->threads_len; i++)
        pthread_join(a->threads[i], NULL);
    pthread_cond_destroy(&a->more);
    pthread_mutex_destroy(&a->lock);
    free(a->threads);
    free(a);
    return NULL;
}
