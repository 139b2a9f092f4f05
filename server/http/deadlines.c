#include "server/http/deadlines.h"

#include <pthread.h>
#include <sys/socket.h>

#include <utlist.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"

/* A client that reads its answer slowly may take this many times as long. */
#define ANSWER_FACTOR 10

/* What is only to be refused gets no more time than this. */
#define OVER_NS (2 * NS_PER_S)

/* How often the reaper looks; it ends what would be late by its next look. */
#define LOOK_NS (500 * NS_PER_MS)

struct deadlines {
    pthread_mutex_t lock;
    pthread_cond_t end;
    pthread_t reaper;
    int64_t timeout_ns, soft;
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

struct connection *deadlines_opened(struct deadlines *cs, int fd, const struct sockaddr *address)
{
    struct connection *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->fd = fd;
    c->client = budget_client_of(address);
    if (!recv_watch(fd, &c->recv, cs->head_limit)) {
        free(c);
        return NULL;
    }
    pthread_mutex_lock(&cs->lock);
    DL_APPEND(cs->list, c);
    c->over = ++cs->len > cs->soft;
    pthread_mutex_unlock(&cs->lock);
    bool brief = c->over && cs->timeout_ns > OVER_NS;
    set_deadline(c, clock_mono_ns() + (brief ? OVER_NS : cs->timeout_ns));
    return c;
}

void deadlines_closed(struct deadlines *cs, struct connection *c)
{
    if (!c)
        return;
    recv_forget(c->fd);
    pthread_mutex_lock(&cs->lock);
    DL_DELETE(cs->list, c);
    cs->len--;
    pthread_mutex_unlock(&cs->lock);
    free(c);
}

/* The first request has its time from the connection's start. A later one may have begun long after
 * the one before ended, and when is not known: its body gets the whole time. */
void deadlines_begun(struct deadlines *cs, struct connection *c)
{
    if (c->requests++ > 0)
        set_deadline(c, clock_mono_ns() + cs->timeout_ns);
}

void deadlines_whole(struct deadlines *cs, struct connection *c)
{
    (void)cs;
    set_deadline(c, 0);
}

void deadlines_answering(struct deadlines *cs, struct connection *c)
{
    set_deadline(c, clock_mono_ns() + ANSWER_FACTOR * cs->timeout_ns);
}

void deadlines_done(struct deadlines *cs, struct connection *c)
{
    set_deadline(c, clock_mono_ns() + cs->timeout_ns);
}

int64_t deadlines_count(struct deadlines *cs)
{
    pthread_mutex_lock(&cs->lock);
    int64_t n = cs->len;
    pthread_mutex_unlock(&cs->lock);
    return n;
}

/* shutdown, not close: the library owns the descriptor and finds the end of its input. */
static void reap_locked(struct deadlines *cs)
{
    int64_t now = clock_mono_ns();
    struct connection *c;

    DL_FOREACH(cs->list, c)
    {
        int64_t deadline = atomic_load_explicit(&c->deadline_ns, memory_order_relaxed);
        if (deadline != 0 && deadline < now + LOOK_NS)
            (void)shutdown(c->fd, SHUT_RDWR);
    }
}

static void *reap(void *ctx)
{
    struct deadlines *cs = ctx;

    pthread_mutex_lock(&cs->lock);
    while (!cs->ending) {
        (void)clock_cond_wait(&cs->end, &cs->lock, clock_mono_ns() + LOOK_NS);
        reap_locked(cs);
    }
    pthread_mutex_unlock(&cs->lock);
    return NULL;
}

int deadlines_open(int64_t timeout_ms, int64_t soft, size_t head_limit,
                   struct deadlines **ret_connections, struct err *e)
{
    struct deadlines *cs = calloc(1, sizeof *cs);

    if (!cs)
        return err_set(e, ERR_NOMEM, "connections");
    cs->timeout_ns = timeout_ms * NS_PER_MS;
    cs->soft = soft;
    cs->head_limit = head_limit;
    pthread_mutex_init(&cs->lock, NULL);
    clock_cond_init(&cs->end);
    if (pthread_create(&cs->reaper, NULL, reap, cs) != 0) {
        pthread_cond_destroy(&cs->end);
        pthread_mutex_destroy(&cs->lock);
        free(cs);
        return err_set(e, ERR_NOMEM, "start the thread that ends slow connections");
    }
    *ret_connections = cs;
    return 0;
}

struct deadlines *deadlines_free(struct deadlines *cs)
{
    if (!cs)
        return NULL;
    pthread_mutex_lock(&cs->lock);
    cs->ending = true;
    pthread_cond_signal(&cs->end);
    pthread_mutex_unlock(&cs->lock);
    pthread_join(cs->reaper, NULL);
    pthread_cond_destroy(&cs->end);
    pthread_mutex_destroy(&cs->lock);
    free(cs);
    return NULL;
}
