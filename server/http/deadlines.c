#include "server/http/deadlines.h"

#include <pthread.h>
#include <sys/socket.h>

#include <utlist.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/thread.h"

/* To read its answer, a client may take this many times as long as to send its request. */
#define ANSWER_FACTOR 10

/* The most time for a connection that is only to be refused. */
#define REFUSAL_NS (2 * NS_PER_S)

/* Time between two checks of the deadlines; each ends what would be late by the next one. */
#define SWEEP_NS (500 * NS_PER_MS)

struct deadlines {
    pthread_mutex_t lock;
    pthread_cond_t end;
    pthread_t thread;
    int64_t timeout_ns, soft_limit;
    size_t head_limit;

    /* guarded by lock */
    struct connection *list;
    int64_t len;
    bool ending;
};

static void set_deadline(struct connection *c, int64_t deadline_ns)
{
    atomic_store_explicit(&c->deadline_ns, deadline_ns, memory_order_relaxed);
}

struct connection *deadlines_opened(struct deadlines *d, int fd, const struct sockaddr *address)
{
    struct connection *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->fd = fd;
    c->client = budget_client_of(address);
    if (!recv_watch(fd, &c->recv, d->head_limit)) {
        free(c);
        return NULL;
    }
    pthread_mutex_lock(&d->lock);
    DL_APPEND(d->list, c);
    c->over_limit = ++d->len > d->soft_limit;
    pthread_mutex_unlock(&d->lock);
    bool brief = c->over_limit && d->timeout_ns > REFUSAL_NS;
    set_deadline(c, clock_mono_ns() + (brief ? REFUSAL_NS : d->timeout_ns));
    return c;
}

void deadlines_closed(struct deadlines *d, struct connection *c)
{
    if (!c)
        return;
    recv_forget(c->fd);
    pthread_mutex_lock(&d->lock);
    DL_DELETE(d->list, c);
    d->len--;
    pthread_mutex_unlock(&d->lock);
    free(c);
}

/* The time of the first request runs from the start of the connection. When a later request began
 * is not known, so the rest of it gets the whole time again. */
void deadlines_begun(struct deadlines *d, struct connection *c)
{
    if (c->requests++ > 0)
        set_deadline(c, clock_mono_ns() + d->timeout_ns);
}

void deadlines_whole(struct deadlines *d, struct connection *c)
{
    (void)d;
    set_deadline(c, 0);
}

void deadlines_answering(struct deadlines *d, struct connection *c)
{
    set_deadline(c, clock_mono_ns() + ANSWER_FACTOR * d->timeout_ns);
}

void deadlines_done(struct deadlines *d, struct connection *c)
{
    set_deadline(c, clock_mono_ns() + d->timeout_ns);
}

int64_t deadlines_count(struct deadlines *d)
{
    pthread_mutex_lock(&d->lock);
    int64_t n = d->len;
    pthread_mutex_unlock(&d->lock);
    return n;
}

/* shutdown, not close: the library owns the descriptor, and then reads the end of its input. */
static void shut_late_locked(struct deadlines *d)
{
    int64_t now = clock_mono_ns();
    struct connection *c;

    DL_FOREACH(d->list, c)
    {
        int64_t deadline = atomic_load_explicit(&c->deadline_ns, memory_order_relaxed);
        if (deadline != 0 && deadline < now + SWEEP_NS)
            (void)shutdown(c->fd, SHUT_RDWR);
    }
}

static void *watch_deadlines(void *ctx)
{
    struct deadlines *d = ctx;

    thread_name("deadlines");
    pthread_mutex_lock(&d->lock);
    while (!d->ending) {
        (void)clock_cond_wait(&d->end, &d->lock, clock_mono_ns() + SWEEP_NS);
        shut_late_locked(d);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

int deadlines_open(int64_t timeout_ms, int64_t soft_limit, size_t head_limit,
                   struct deadlines **ret_deadlines, struct err *e)
{
    struct deadlines *d = calloc(1, sizeof *d);

    if (!d)
        return err_set(e, ERR_NOMEM, "connections");
    d->timeout_ns = timeout_ms * NS_PER_MS;
    d->soft_limit = soft_limit;
    d->head_limit = head_limit;
    pthread_mutex_init(&d->lock, NULL);
    clock_cond_init(&d->end);
    if (pthread_create(&d->thread, NULL, watch_deadlines, d) != 0) {
        pthread_cond_destroy(&d->end);
        pthread_mutex_destroy(&d->lock);
        free(d);
        return err_set(e, ERR_NOMEM, "start the thread that ends slow connections");
    }
    *ret_deadlines = d;
    return 0;
}

struct deadlines *deadlines_free(struct deadlines *d)
{
    if (!d)
        return NULL;
    pthread_mutex_lock(&d->lock);
    d->ending = true;
    pthread_cond_signal(&d->end);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    pthread_cond_destroy(&d->end);
    pthread_mutex_destroy(&d->lock);
    free(d);
    return NULL;
}
