#include "server/executor.h"

#include <pthread.h>
#include <stdbool.h>

#include "schema/base/err.h"
#include "schema/base/thread.h"

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
    struct executor *executor = ctx;

    thread_name("executor");
    pthread_mutex_lock(&executor->lock);
    for (;;) {
        while (!executor->first && !executor->ending)
            pthread_cond_wait(&executor->more, &executor->lock);
        struct executor_task *t = executor->first;
        if (!t)
            break;
        executor->first = t->next;
        pthread_mutex_unlock(&executor->lock);
        t->run(t);
        pthread_mutex_lock(&executor->lock);
    }
    pthread_mutex_unlock(&executor->lock);
    return NULL;
}

int executor_open(int threads, struct executor **ret_executor, struct err *e)
{
    struct executor *executor = calloc(1, sizeof *executor);

    if (!executor || !(executor->threads = calloc((size_t)threads, sizeof *executor->threads))) {
        free(executor);
        return err_set(e, ERR_NOMEM, "threads for large requests");
    }
    pthread_mutex_init(&executor->lock, NULL);
    pthread_cond_init(&executor->more, NULL);
    for (; executor->threads_len < threads; executor->threads_len++) {
        if (pthread_create(&executor->threads[executor->threads_len], NULL, run_tasks, executor) !=
            0) {
            executor_free(executor);
            return err_set(e, ERR_NOMEM, "start a thread for large requests");
        }
    }
    *ret_executor = executor;
    return 0;
}

void executor_submit(struct executor *executor, struct executor_task *t)
{
    t->next = NULL;
    pthread_mutex_lock(&executor->lock);
    if (executor->first)
        executor->last->next = t;
    else
        executor->first = t;
    executor->last = t;
    pthread_cond_signal(&executor->more);
    pthread_mutex_unlock(&executor->lock);
}

struct executor *executor_free(struct executor *executor)
{
    if (!executor)
        return NULL;
    pthread_mutex_lock(&executor->lock);
    executor->ending = true;
    pthread_cond_broadcast(&executor->more);
    pthread_mutex_unlock(&executor->lock);
    for (int i = 0; i < executor->threads_len; i++)
        pthread_join(executor->threads[i], NULL);
    pthread_cond_destroy(&executor->more);
    pthread_mutex_destroy(&executor->lock);
    free(executor->threads);
    free(executor);
    return NULL;
}
