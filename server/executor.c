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

static void *run_tasks(void *ctx)
{
    struct executor *x = ctx;

    pthread_mutex_lock(&x->lock);
    for (;;) {
        while (!x->first && !x->ending)
            pthread_cond_wait(&x->more, &x->lock);
        struct executor_task *t = x->first;
        if (!t)
            break;
        x->first = t->next;
        pthread_mutex_unlock(&x->lock);
        t->run(t);
        pthread_mutex_lock(&x->lock);
    }
    pthread_mutex_unlock(&x->lock);
    return NULL;
}

int executor_open(int threads, struct executor **ret_executor, struct err *e)
{
    struct executor *x = calloc(1, sizeof *x);

    if (!x || !(x->threads = calloc((size_t)threads, sizeof *x->threads))) {
        free(x);
        return err_set(e, ERR_NOMEM, "threads for large requests");
    }
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->more, NULL);
    for (; x->threads_len < threads; x->threads_len++) {
        if (pthread_create(&x->threads[x->threads_len], NULL, run_tasks, x) != 0) {
            executor_free(x);
            return err_set(e, ERR_NOMEM, "start a thread for large requests");
        }
    }
    *ret_executor = x;
    return 0;
}

void executor_submit(struct executor *x, struct executor_task *t)
{
    t->next = NULL;
    pthread_mutex_lock(&x->lock);
    if (x->first)
        x->last->next = t;
    else
        x->first = t;
    x->last = t;
    pthread_cond_signal(&x->more);
    pthread_mutex_unlock(&x->lock);
}

struct executor *executor_free(struct executor *x)
{
    if (!x)
        return NULL;
    pthread_mutex_lock(&x->lock);
    x->ending = true;
    pthread_cond_broadcast(&x->more);
    pthread_mutex_unlock(&x->lock);
    for (int i = 0; i < x->threads_len; i++)
        pthread_join(x->threads[i], NULL);
    pthread_cond_destroy(&x->more);
    pthread_mutex_destroy(&x->lock);
    free(x->threads);
    free(x);
    return NULL;
}
