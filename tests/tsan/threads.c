/* C11 threads as pthreads, for programs under ThreadSanitizer.
 *
 * It watches pthread_* and not thrd_*, mtx_* and cnd_*, with which Debian's librdkafka is built:
 * its threads would be unknown to it, and the program ends in the first of them. These definitions
 * come before libc's.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* Its reference counts are atomics in code that is not instrumented, so that everything it frees
 * looks like a race. What its locks order stays known, by the functions below. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:librdkafka.so.1\nmutex:librdkafka.so.1\n";
}

static pthread_mutex_t *mutex(mtx_t *m) { return (pthread_mutex_t *)(void *)m; }
static pthread_cond_t *condition(cnd_t *c) { return (pthread_cond_t *)(void *)c; }

static int result(int rc)
{
    return rc == 0           ? thrd_success
           : rc == EBUSY     ? thrd_busy
           : rc == ETIMEDOUT ? thrd_timedout
           : rc == ENOMEM    ? thrd_nomem
                             : thrd_error;
}

int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t attr;

    (void)pthread_mutexattr_init(&attr);
    if (type & mtx_recursive)
        (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    int rc = pthread_mutex_init(mutex(m), &attr);
    (void)pthread_mutexattr_destroy(&attr);
    return result(rc);
}
void mtx_destroy(mtx_t *m) { (void)pthread_mutex_destroy(mutex(m)); }
int mtx_lock(mtx_t *m) { return result(pthread_mutex_lock(mutex(m))); }
int mtx_trylock(mtx_t *m) { return result(pthread_mutex_trylock(mutex(m))); }
int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict at)
{
    return result(pthread_mutex_timedlock(mutex(m), at));
}
int mtx_unlock(mtx_t *m) { return result(pthread_mutex_unlock(mutex(m))); }

int cnd_init(cnd_t *c) { return result(pthread_cond_init(condition(c), NULL)); }
void cnd_destroy(cnd_t *c) { (void)pthread_cond_destroy(condition(c)); }
int cnd_signal(cnd_t *c) { return result(pthread_cond_signal(condition(c))); }
int cnd_broadcast(cnd_t *c) { return result(pthread_cond_broadcast(condition(c))); }
int cnd_wait(cnd_t *c, mtx_t *m) { return result(pthread_cond_wait(condition(c), mutex(m))); }
int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict at)
{
    return result(pthread_cond_timedwait(condition(c), mutex(m), at));
}

struct start {
    thrd_start_t run;
    void *arg;
};

static void *begin(void *p)
{
    struct start s = *(struct start *)p;

    free(p);
    return (void *)(intptr_t)s.run(s.arg);
}

int thrd_create(thrd_t *ret_thread, thrd_start_t run, void *arg)
{
    struct start *s = malloc(sizeof *s);

    if (!s)
        return thrd_nomem;
    *s = (struct start){ run, arg };
    int rc = pthread_create((pthread_t *)ret_thread, NULL, begin, s);
    if (rc != 0)
        free(s);
    return result(rc);
}
int thrd_join(thrd_t t, int *ret_code)
{
    void *value = NULL;
    int rc = pthread_join((pthread_t)t, &value);

    if (ret_code)
        *ret_code = (int)(intptr_t)value;
    return result(rc);
}
int thrd_detach(thrd_t t) { return result(pthread_detach((pthread_t)t)); }
thrd_t thrd_current(void) { return (thrd_t)pthread_self(); }
int thrd_equal(thrd_t a, thrd_t b) { return pthread_equal((pthread_t)a, (pthread_t)b); }
void thrd_yield(void) { (void)sched_yield(); }
_Noreturn void thrd_exit(int code) { pthread_exit((void *)(intptr_t)code); }
