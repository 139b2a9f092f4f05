#include "bridge/kafka/handle.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"

void handle_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    log_debug("librdkafka", log_i("level", level), log_s("facility", facility),
              log_s("text", text));
}

void handle_error(rd_kafka_t *rk, int code, const char *reason, void *ctx)
{
    (void)rk, (void)ctx;
    log_debug("kafka_error", log_s("code", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
              log_s("reason", reason));
}

/* ---- the end ---- */

struct ending {
    rd_kafka_t *rk;
    int flags;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    bool done;  /* the handle is no more */
    bool alone; /* nobody waits: the thread frees this */
};

static void free_ending(struct ending *x)
{
    (void)pthread_cond_destroy(&x->changed);
    (void)pthread_mutex_destroy(&x->lock);
    free(x);
}

static void *destroy(void *arg)
{
    struct ending *x = arg;

    rd_kafka_destroy_flags(x->rk, x->flags);
    (void)pthread_mutex_lock(&x->lock);
    bool alone = x->alone;
    x->done = true;
    (void)pthread_cond_signal(&x->changed);
    (void)pthread_mutex_unlock(&x->lock);
    if (alone)
        free_ending(x);
    return NULL;
}

static bool start(struct ending *x)
{
    pthread_t thread;

    int rc = thread_start(&thread, destroy, x);
    return rc == 0 && pthread_detach(thread) == 0;
}

void handle_destroy(rd_kafka_t *rk, int flags, int64_t wait_ns)
{
    int64_t due = clock_mono_ns() + wait_ns;
    bool early = true;

    if (!rk)
        return;
    struct ending *x = calloc(1, sizeof *x);
    if (!x) {
        rd_kafka_destroy_flags(rk, flags);
        return;
    }
    *x = (struct ending){ .rk = rk, .flags = flags };
    clock_cond_init(&x->changed);
    (void)pthread_mutex_init(&x->lock, NULL);
    if (!start(x)) {
        (void)destroy(x);
        free_ending(x);
        return;
    }
    (void)pthread_mutex_lock(&x->lock);
    while (!x->done && early)
        early = clock_cond_wait(&x->changed, &x->lock, due);
    bool done = x->done;
    x->alone = !done;
    (void)pthread_mutex_unlock(&x->lock);
    if (done)
        free_ending(x);
    else if (wait_ns > 0)
        log_warning("kafka_handle_left", log_s("why", "librdkafka does not end it"),
                    log_s("next", "it ends with the process"));
}
