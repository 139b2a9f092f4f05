#include "client/grade_class.h"

#include <pthread.h>
#include <stdbool.h>

#include "client/grade_student.h"
#include "client/term.h"
#include "client/transport.h"
#include "schema/base/err.h"
#include "schema/base/thread.h"

struct grading {
    const struct grade_class *class;
    struct term progress;
    pthread_mutex_t lock;
    /* guarded by lock */
    size_t next, ended;
    bool failed;
    struct err why;
};

static void show_progress_locked(const struct grading *g)
{
    if (!g->progress.is_tty)
        return;
    term_raw(&g->progress, "\r\033[K%zu of %zu graded", g->ended, g->class->len);
    (void)fflush(g->progress.out);
}

/* NULL: there are no more, or an error has ended it. */
static struct grade_student *next_student(struct grading *g)
{
    struct grade_student *s = NULL;

    (void)pthread_mutex_lock(&g->lock);
    if (!g->failed && g->next < g->class->len)
        s = &g->class->students[g->next++];
    (void)pthread_mutex_unlock(&g->lock);
    return s;
}

static void end_student(struct grading *g, int rc, const struct err *e)
{
    (void)pthread_mutex_lock(&g->lock);
    g->ended += rc == 0;
    if (rc < 0 && !g->failed) {
        g->failed = true;
        g->why = *e;
    }
    show_progress_locked(g);
    (void)pthread_mutex_unlock(&g->lock);
}

static void *grade_main(void *arg)
{
    struct grading *g = arg;
    CLEANUP(transport_freep) struct transport *t = NULL;
    struct grade_student *s;
    struct err e;

    thread_name("grade");
    if (transport_open(g->class->url, &t, &e) < 0) {
        end_student(g, -1, &e);
        return NULL;
    }
    while ((s = next_student(g)))
        end_student(g, grade_student_run(s, g->class->common, t, &e), &e);
    return NULL;
}

int grade_class_run(const struct grade_class *c, struct err *e)
{
    struct grading g = { .class = c };
    size_t jobs = c->jobs < c->len ? c->jobs : c->len, started = 0;
    pthread_t threads[GRADE_CLASS_JOBS_MAX];

    term_open(stderr, &g.progress);
    (void)pthread_mutex_init(&g.lock, NULL);
    while (started < jobs && started < ARRAY_LEN(threads) &&
           thread_start(&threads[started], grade_main, &g) == 0)
        started++;
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_mutex_destroy(&g.lock);
    if (g.progress.is_tty)
        term_raw(&g.progress, "\r\033[K");
    if (started == 0 && jobs > 0)
        return err_set(e, ERR_NOMEM, "no thread can be started");
    if (g.failed)
        *e = g.why;
    return g.failed ? -1 : 0;
}
