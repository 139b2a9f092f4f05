#include "server/slot_adoption.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/language/language.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"
#include "schema/store/jobs.h"
#include "schema/store/slots.h"

/* The longest time between two checks whether an adopted table is finished. */
#define FINISH_POLL_MS 500

struct slot_adoption {
    struct slot_adoption_config config;
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock;
    pthread_cond_t halted; /* CLOCK_MONOTONIC */
    bool halt;             /* guarded by lock */

    /* used by the thread, and after its end by slot_adoption_close() */
    struct jobs *jobs; /* owned; NULL: none is adopted */
    char *dir;         /* owned */
    char skipped[300]; /* the last slot that could not be used: logged once */
    const char *names[LANGUAGES_MAX + 1];
};

/* ---- adopting ---- */

static void warn_skipped_once(void *ctx, const char *dir, const struct err *why)
{
    struct slot_adoption *a = ctx;

    if (strcmp(a->skipped, dir) == 0)
        return;
    (void)snprintf(a->skipped, sizeof a->skipped, "%s", dir);
    log_warning("slot_skipped", log_s("slot", dir), log_s("error", why->msg),
                log_s("next", "its work waits until that is mended"));
}

static void close_adopted(struct slot_adoption *a)
{
    if (a->config.closing)
        a->config.closing(a->config.ctx, a->jobs);
    a->jobs = jobs_close(a->jobs);
    free(TAKE(a->dir));
}

static struct slots_config slots_config_of(struct slot_adoption *a)
{
    return (struct slots_config){ .table = a->config.table,
                                  .outbox = a->config.kafka,
                                  .languages = a->names,
                                  .skipped = warn_skipped_once,
                                  .ctx = a };
}

static void adopt_slot(struct slot_adoption *a)
{
    struct slots_config c = slots_config_of(a);
    struct jobs_counts n;
    struct err e;

    if (slots_adopt(&c, &a->jobs, &a->dir, &e) < 0) {
        log_warning("slots_not_read", log_s("error", e.msg), log_s("next", "tried again"));
        return;
    }
    if (!a->jobs)
        return;
    jobs_counts(a->jobs, &n);
    log_info("slot_adopted", log_s("slot", a->dir), log_i("queued", n.queued));
    if (a->config.opened)
        a->config.opened(a->config.ctx, a->jobs);
    if (engine_adopt(a->config.engine, a->jobs, &e) < 0) {
        log_error("slot_not_judged", log_s("slot", a->dir), log_s("error", e.msg));
        close_adopted(a);
    }
}

/* ---- finishing ---- */

/* Rows in a language that this server lacks are left to another server. */
static bool is_finished(struct slot_adoption *a)
{
    struct slots_config c = slots_config_of(a);
    struct jobs_counts n;

    jobs_counts(a->jobs, &n);
    return n.running == 0 && !slots_has_work(&c, a->dir);
}

static void check_adopted(struct slot_adoption *a)
{
    if (a->jobs && is_finished(a)) {
        engine_disown(a->config.engine);
        log_info("slot_finished", log_s("slot", a->dir));
        close_adopted(a);
    }
    if (!a->jobs)
        adopt_slot(a);
}

/* ---- its thread ---- */

/* False: halted. */
static bool wait_interval(struct slot_adoption *a)
{
    int64_t ms = a->config.interval_ms;
    if (a->jobs && ms > FINISH_POLL_MS)
        ms = FINISH_POLL_MS;
    int64_t until = clock_mono_ns() + ms * NS_PER_MS;

    (void)pthread_mutex_lock(&a->lock);
    while (!a->halt && clock_cond_wait(&a->halted, &a->lock, until))
        ;
    bool go = !a->halt;
    (void)pthread_mutex_unlock(&a->lock);
    return go;
}

static void *watch_slots(void *arg)
{
    thread_name("slots");
    while (wait_interval(arg))
        check_adopted(arg);
    return NULL;
}

int slot_adoption_start(const struct slot_adoption_config *c, struct slot_adoption **ret_adoption,
                        struct err *e)
{
    struct slot_adoption *a = calloc(1, sizeof *a);

    if (!a)
        return err_set(e, ERR_NOMEM, "slots");
    a->config = *c;
    for (size_t i = 0; i < c->languages->len; i++)
        a->names[i] = c->languages->rows[i].name;
    clock_cond_init(&a->halted);
    (void)pthread_mutex_init(&a->lock, NULL);
    int rc = pthread_create(&a->thread, NULL, watch_slots, a);
    if (rc != 0) {
        (void)slot_adoption_close(a);
        return err_errno(e, ERR_NOMEM, rc, "start the thread that watches the slots");
    }
    a->runs = true;
    *ret_adoption = a;
    return 0;
}

void slot_adoption_halt(struct slot_adoption *a)
{
    if (!a->runs)
        return;
    (void)pthread_mutex_lock(&a->lock);
    a->halt = true;
    (void)pthread_cond_signal(&a->halted);
    (void)pthread_mutex_unlock(&a->lock);
    (void)pthread_join(a->thread, NULL);
    a->runs = false;
}

struct slot_adoption *slot_adoption_close(struct slot_adoption *a)
{
    if (!a)
        return NULL;
    slot_adoption_halt(a);
    if (a->jobs)
        close_adopted(a);
    (void)pthread_cond_destroy(&a->halted);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
    return NULL;
}
