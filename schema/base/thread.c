#include "schema/base/thread.h"

#include <signal.h>
#include <sys/prctl.h>

int thread_start(pthread_t *ret_thread, void *(*fn)(void *arg), void *arg)
{
    sigset_t all, old;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old); /* a new thread inherits the mask */
    int rc = pthread_create(ret_thread, NULL, fn, arg);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

void thread_name(const char *name) { (void)prctl(PR_SET_NAME, name); }
