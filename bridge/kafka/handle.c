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

/* ---- destroying ---- */

struct destruction {
    rd_kafka_t *rk;
    int flags;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    bool done;     /* the handle is destroyed */
    bool detached; /* the caller has gone: the thread frees this */
};

static void free_destruction(struct destruction *d)
{
    (void)pthread_cond_destroy(&d->changed);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
}

static void *destroy_handle(void *arg)
{
    struct destruction *d = arg;

    rd_kafka_destroy_flags(d->rk, d->flags);
    (void)pthread_mutex_lock(&d->lock);
    bool detached = d->detached;
    d->done = true;
    (void)pthread_cond_signal(&d->changed);
    (void)pthread_mutex_unlock(&d->lock);
    if (detached)
        free_destruction(d);
    return NULL;
}

static bool start_destruction(struct destruction *d)
{
    pthread_t thread;

    int rc = thread_start(&thread, destroy_handle, d);
    return rc == 0 && pthread_detach(thread) == 0;
}

void handle_destroy(rd_kafka_t *rk, int flags, int64_t wait_ns)
{
    int64_t due_ns = clock_mono_ns() + wait_ns;
    bool early = true;

    if (!rk)
        return;
    struct destruction *d = calloc(1, sizeof *d);
    if (!d) {
        rd_kafka_destroy_flags(rk, flags);
        return;
    }
    *d = (struct destruction){ .rk = rk, .flags = flags };
    clock_cond_init(&d->changed);
    (void)pthread_mutex_init(&d->lock, NULL);
    if (!start_destruction(d)) {
        (void)destroy_handle(d);
        free_destruction(d);
        return;
    }
    (void)pthread_mutex_lock(&d->lock);
    while (!d->done && early)
        early = clock_cond_wait(&d->changed, &d->lock, due_ns);
    bool done = d->done;
    d->detached = !done;
    (void)pthread_mutex_unlock(&d->lock);
    if (done)
        free_destruction(d);
    else if (wait_ns > 0)
        log_warning("kafka_handle_left", log_s("why", "librdkafka does not end it"),
                    log_s("next", "it ends with the process"));
}
