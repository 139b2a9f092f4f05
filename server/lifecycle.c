#include "server/lifecycle.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"

#define SAME_NS NS_PER_S /* further signals within this time are ignored */

static sigset_t handled_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

void lifecycle_block_signals(void)
{
    sigset_t set = handled_signals();
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    /* guarded by lock */
    bool serving, ending;
    bool input_ended; /* see lifecycle_input_ended() */
} lifecycle = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Waits for a signal that ends the server, and ignores SIGHUP. */
static int next_signal(void)
{
    sigset_t set = handled_signals();
    int number = SIGHUP;

    while (sigwait(&set, &number) != 0 || number == SIGHUP)
        log_info("signal_ignored", log_s("signal", sigabbrev_np(SIGHUP)),
                 log_s("why", "there is nothing to read anew: settings are of the start"));
    return number;
}

/* While the server waits for its table, a signal ends it at once: it has accepted nothing yet. */
static void *watch_signals(void *ctx)
{
    thread_name("signals");
    int number = next_signal();
    int64_t same_until = clock_mono_ns() + SAME_NS;

    (void)ctx;
    log_info("stopping", log_s("signal", sigabbrev_np(number)));
    pthread_mutex_lock(&lifecycle.lock);
    if (!lifecycle.serving)
        _exit(EXIT_CLEAN);
    lifecycle.ending = true;
    pthread_cond_signal(&lifecycle.ended);
    pthread_mutex_unlock(&lifecycle.lock);
    do
        number = next_signal();
    while (clock_mono_ns() < same_until);
    log_warning("killed", log_s("signal", sigabbrev_np(number)));
    _exit(EXIT_FAULT);
}

int lifecycle_watch(struct err *e)
{
    pthread_t thread;

    clock_cond_init(&lifecycle.ended);
    if (pthread_create(&thread, NULL, watch_signals, NULL) != 0)
        return err_set(e, ERR_NOMEM, "start the thread that waits for signals");
    (void)pthread_detach(thread);
    return 0;
}

void lifecycle_serving(void)
{
    pthread_mutex_lock(&lifecycle.lock);
    lifecycle.serving = true;
    pthread_mutex_unlock(&lifecycle.lock);
}

void lifecycle_input_ended(void *ctx)
{
    (void)ctx;
    pthread_mutex_lock(&lifecycle.lock);
    lifecycle.input_ended = true;
    pthread_cond_signal(&lifecycle.ended);
    pthread_mutex_unlock(&lifecycle.lock);
}

bool lifecycle_wait(void)
{
    pthread_mutex_lock(&lifecycle.lock);
    while (!lifecycle.ending && !lifecycle.input_ended)
        pthread_cond_wait(&lifecycle.ended, &lifecycle.lock);
    bool signalled = lifecycle.ending;
    pthread_mutex_unlock(&lifecycle.lock);
    return signalled;
}

bool lifecycle_wait_ns(int64_t ns)
{
    int64_t due = clock_mono_ns() + ns;
    bool early = true;

    pthread_mutex_lock(&lifecycle.lock);
    while (!lifecycle.ending && early)
        early = clock_cond_wait(&lifecycle.ended, &lifecycle.lock, due);
    bool signalled = lifecycle.ending;
    pthread_mutex_unlock(&lifecycle.lock);
    return signalled;
}
