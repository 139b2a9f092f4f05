#include "server/watchdog.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"
#include "schema/store/jobs.h"
#include "server/notify.h"

#define BEATS     4              /* so many in the time within which one is expected */
#define STATUS_NS (5 * NS_PER_S) /* between two looks at how we are, at most */
#define SILENT_MS 600000LL       /* many calls to a Docker that answers none of them */

struct watchdog {
    struct jobs *jobs;     /* borrowed until stopping */
    struct engine *engine; /* likewise */
    int64_t tick_ns;
    bool beats; /* the manager wants them */
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* guarded by lock */
    bool stopping, end;
    bool healthy; /* at the last look, for the log */
    int64_t asked_ns;
    char status[sizeof((struct engine_health *)0)->why + 40];
};

static void send_status(struct watchdog *w, const struct engine_health *h)
{
    char status[sizeof w->status];

    (void)snprintf(status, sizeof status, "STATUS=%s%s",
                   h->ready ? "judging" : "not ready: ", h->ready ? "" : h->why);
    for (char *c = status; *c; c++)
        if (*c == '\n')
            *c = ' ';
    if (strcmp(status, w->status) == 0)
        return;
    memcpy(w->status, status, sizeof status);
    notify_send(status);
}

/* Whether the writer has come round since it was asked last, which is once a tick. */
static const char *find_what_hangs(struct watchdog *w, const struct engine_health *h)
{
    if (w->asked_ns > 0 && jobs_writer_seen_ns(w->jobs) < w->asked_ns)
        return "the writer of the job table";
    return h->silent_ms > SILENT_MS ? "the supervisor of the engine" : NULL;
}

static void look_locked(struct watchdog *w)
{
    struct engine_health health;

    engine_health(w->engine, &health);
    const char *hangs = find_what_hangs(w, &health);
    if (hangs && w->healthy)
        log_error(
            "hangs", log_s("what", hangs),
            log_s("next", w->beats ? "the service manager is not told that we live" : "none"));
    w->healthy = !hangs;
    if (hangs)
        return; /* asked_ns stays: it has not come round since */
    send_status(w, &health);
    if (w->beats)
        notify_send("WATCHDOG=1");
    w->asked_ns = clock_mono_ns();
    jobs_writer_ask(w->jobs);
}

static void *watchdog_main(void *ctx)
{
    struct watchdog *w = ctx;

    thread_name("watchdog");
    (void)pthread_mutex_lock(&w->lock);
    while (!w->end) {
        if (!w->stopping)
            look_locked(w);
        else if (w->beats)
            notify_send("WATCHDOG=1");
        (void)clock_cond_wait(&w->wake, &w->lock, clock_mono_ns() + w->tick_ns);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

int watchdog_start(struct jobs *j, struct engine *g, struct watchdog **ret_watchdog, struct err *e)
{
    const int64_t beat_ns = notify_watchdog_ns() / BEATS;

    *ret_watchdog = NULL;
    if (!notify_is_wanted())
        return 0;
    struct watchdog *w = calloc(1, sizeof *w);
    if (!w)
        return err_set(e, ERR_NOMEM, "the watchdog");
    w->jobs = j;
    w->engine = g;
    w->beats = beat_ns > 0;
    w->healthy = true;
    w->tick_ns = w->beats && beat_ns < STATUS_NS ? beat_ns : STATUS_NS;
    (void)pthread_mutex_init(&w->lock, NULL);
    clock_cond_init(&w->wake);
    notify_send("READY=1");
    int rc = thread_start(&w->thread, watchdog_main, w);
    if (rc != 0) {
        free(w);
        return err_errno(e, ERR_NOMEM, rc, "start the watchdog");
    }
    *ret_watchdog = w;
    return 0;
}

void watchdog_stopping(struct watchdog *w)
{
    if (!w)
        return;
    (void)pthread_mutex_lock(&w->lock);
    w->stopping = true;
    (void)pthread_mutex_unlock(&w->lock);
    notify_send("STOPPING=1\nSTATUS=stopping");
}

struct watchdog *watchdog_free(struct watchdog *w)
{
    if (!w)
        return NULL;
    (void)pthread_mutex_lock(&w->lock);
    w->end = true;
    (void)pthread_cond_signal(&w->wake);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
    (void)pthread_cond_destroy(&w->wake);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}
