#include "engine/queue/selftest.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/build/toolchain.h"
#include "engine/docker/docker.h"
#include "engine/docker/docker_pull.h"
#include "engine/pool/lease.h"
#include "engine/queue/readiness.h"
#include "engine/queue/selftest_language.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"

#define RETRY_MS     5000
#define RETRY_MAX_MS (300 * 1000LL)
#define WELL_MS      (60 * 1000LL)   /* between two passes; after that the delay starts again */
#define AGAIN_MAX_MS (3600 * 1000LL) /* it takes some CPU time from those who are judged */
#define IDLE_MS      (3600 * 1000LL) /* all languages are OK; readiness_retest() ends the wait */
#define PROGRESS_MS  3000

struct selftest {
    struct selftest_config config;
    struct lease lease;
    pthread_t thread;
    struct {
        int64_t due_ms; /* clock_mono_ns() in ms; 0 = now */
        int64_t delay_ms;
        int64_t passed_ms; /* of the last pass; 0: never */
        /* An incomplete language is judged with, and tested again; as above, and 0: it is whole. */
        int64_t again_ms, again_delay_ms;
        const struct toolchain
            *toolchain; /* owned by readiness; its classes keep idle cells. NULL: none */
        bool pull;      /* an image is missing */
    } next[LANGUAGES_MAX];
};

static int64_t selftest_now_ms(void) { return clock_mono_ns() / NS_PER_MS; }

/* ---- images ---- */

struct progress {
    struct selftest *t;
    const char *image;
    int64_t logged_ms;
};

static bool log_progress(void *ctx, const char *line)
{
    struct progress *p = ctx;

    if (selftest_now_ms() - p->logged_ms >= PROGRESS_MS) {
        p->logged_ms = selftest_now_ms();
        log_info("image_pull", log_s("image", p->image), log_s("progress", line));
    }
    return !readiness_stopping(p->t->config.readiness);
}

static int pull_missing(struct selftest *t, const char *image, struct err *e)
{
    struct progress p = { .t = t, .image = image };
    json_t *found = NULL;

    if (!image)
        return 0;
    if (docker_image(t->lease.docker, image, &found, e) == 0) {
        json_decref(found);
        return 0;
    }
    if (e->kind != ERR_IMAGE)
        return -1;
    log_info("image_pull", log_s("image", image), log_s("progress", "begins"));
    if (docker_pull(t->lease.docker, image, log_progress, &p, e) < 0)
        return err_wrap(e, "image '%s' is not here and cannot be pulled", image);
    log_info("image_pull", log_s("image", image), log_s("progress", "done"));
    return 0;
}

/* ---- all languages ---- */

/* Doubles a delay, and returns the time when it is over. */
static int64_t delay_more(int64_t *delay_ms, int64_t max_ms)
{
    int64_t delay = *delay_ms * 2;

    *delay_ms = delay < RETRY_MS ? RETRY_MS : delay > max_ms ? max_ms : delay;
    return selftest_now_ms() + *delay_ms;
}

static void delay_next(struct selftest *t, size_t i)
{
    t->next[i].due_ms = delay_more(&t->next[i].delay_ms, RETRY_MAX_MS);
}

/* What failed may have failed because the host was busy: a compiler that was too slow to answer. */
static void delay_again(struct selftest *t, size_t i, bool incomplete)
{
    if (incomplete)
        t->next[i].again_ms = delay_more(&t->next[i].again_delay_ms, AGAIN_MAX_MS);
    else
        t->next[i].again_ms = t->next[i].again_delay_ms = 0;
}

/* Removes the pool classes of the toolchain that was available before. Classes that the new
 * toolchain shares with it were added for the new one already, so their cells stay. */
static void replace_classes(struct selftest *t, size_t i, const struct toolchain *toolchain)
{
    if (t->next[i].toolchain)
        toolchain_remove_classes(t->next[i].toolchain, t->config.pool);
    t->next[i].toolchain = toolchain;
}

static void set_failed(struct selftest *t, size_t i, const struct err *e)
{
    bool image = e->kind == ERR_IMAGE;

    replace_classes(t, i, NULL);
    if (!selftest_is_of_language(e)) {
        readiness_unavailable(t->config.readiness, i, READINESS_PENDING, false, e->msg);
        t->next[i].due_ms = selftest_now_ms() + RETRY_MS; /* the host failed, not the language */
        return;
    }
    readiness_unavailable(t->config.readiness, i, image ? READINESS_PENDING : READINESS_FAILED,
                          !image, e->msg);
    t->next[i].pull = image;
    delay_next(t, i);
    log_warning("language_not_ready", log_s("language", t->config.languages->rows[i].name),
                log_s("error", e->msg), log_i("retry_in_ms", t->next[i].delay_ms));
}

/* A language that passes but then cannot be judged with is tested at growing intervals, too.
 * Takes the toolchain. */
static void set_available(struct selftest *t, size_t i, struct toolchain *toolchain, int64_t start)
{
    int64_t now = selftest_now_ms(), passed = t->next[i].passed_ms;
    struct err e;

    if (!readiness_available(t->config.readiness, i, toolchain)) {
        toolchain_remove_classes(toolchain, t->config.pool);
        (void)toolchain_free(toolchain);
        (void)err_set(&e, ERR_NOMEM, "language '%s'", t->config.languages->rows[i].name);
        set_failed(t, i, &e);
        return;
    }
    replace_classes(t, i, toolchain);
    if (passed == 0 || now - passed > WELL_MS)
        t->next[i].due_ms = t->next[i].delay_ms = 0;
    else
        delay_next(t, i);
    t->next[i].passed_ms = now;
    delay_again(t, i, toolchain->incomplete);
    log_info("language_ready", log_s("language", toolchain->language->name),
             log_s("version", toolchain->version), log_s("accelerator", toolchain->accelerator),
             log_i("allowance_bytes", toolchain->memory_overhead), log_i("took_ms", now - start));
}

static void test_language(struct selftest *t, size_t i)
{
    const struct language *language = &t->config.languages->rows[i];
    int64_t start = selftest_now_ms();
    struct toolchain *toolchain = NULL;
    struct err e = { .kind = ERR_NONE };

    lease_begin(&t->lease, t->config.pool, -1);
    int rc = 0;
    if (t->next[i].pull &&
        (pull_missing(t, language->image, &e) < 0 || pull_missing(t, language->run_image, &e) < 0))
        rc = -1;
    if (rc == 0)
        rc = selftest_language(&t->lease, language, &toolchain, &e);
    lease_end(&t->lease);

    if (rc == 0)
        set_available(t, i, toolchain, start);
    else if (readiness_state(t->config.readiness, i) == READINESS_OK)
        delay_again(t, i, true); /* it is judged with as before */
    else
        set_failed(t, i, &e);
}

/* Looks for the images of all languages before the first test, so that /readyz need not wait for
 * compilers. */
static void find_images(struct selftest *t)
{
    const struct language_table *l = t->config.languages;

    for (size_t i = 0; i < l->len; i++) {
        struct toolchain *toolchain = NULL;
        struct err e;
        bool here =
            toolchain_make(&l->rows[i], t->lease.docker, t->config.engine, &toolchain, &e) == 0;
        t->next[i].pull = !here;
        readiness_unavailable(t->config.readiness, i, READINESS_PENDING, here,
                              here ? "the self-test is running" : e.msg);
        (void)toolchain_free(toolchain);
    }
}

/* What may take minutes comes last: languages with a cache after those without, pulls after
 * both. */
static int rank_of(const struct selftest *t, size_t i)
{
    if (t->next[i].pull)
        return 2;
    return t->config.languages->rows[i].cache.volume_target ? 1 : 0;
}

/* The language to test now; len when there is none, and then *ret_wait_ms is the time until
 * there may be one. */
static size_t next_due(const struct selftest *t, int64_t *ret_wait_ms)
{
    size_t len = t->config.languages->len, best = len;
    int64_t now = selftest_now_ms(), wait = IDLE_MS;

    for (size_t i = 0; i < len; i++) {
        bool ok = readiness_state(t->config.readiness, i) == READINESS_OK;
        int64_t due = ok ? t->next[i].again_ms : t->next[i].due_ms;
        if (ok && due == 0)
            continue;
        if (due > now)
            wait = wait < due - now ? wait : due - now;
        else if (best == len || rank_of(t, i) < rank_of(t, best))
            best = i;
    }
    *ret_wait_ms = wait;
    return best;
}

static void *selftest_main(void *arg)
{
    struct selftest *t = arg;
    int64_t wait_ms;

    thread_name("selftest");
    find_images(t);
    while (!readiness_stopping(t->config.readiness)) {
        uint64_t version = readiness_version(t->config.readiness);
        size_t i = next_due(t, &wait_ms);
        if (i < t->config.languages->len)
            test_language(t, i);
        else
            (void)readiness_wait_ms(t->config.readiness, version, wait_ms);
    }
    return NULL;
}

int selftest_start(const struct selftest_config *c, struct selftest **ret_selftest, struct err *e)
{
    struct selftest *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(e, ERR_NOMEM, "the self-test");
    t->config = *c;
    if (lease_init(&t->lease, c->engine, c->host, e) < 0) {
        free(t);
        return -1;
    }
    int rc = pthread_create(&t->thread, NULL, selftest_main, t);
    if (rc != 0) {
        lease_clear(&t->lease);
        free(t);
        return err_errno(e, ERR_NOMEM, rc, "start the self-test");
    }
    *ret_selftest = t;
    return 0;
}

struct selftest *selftest_stop(struct selftest *t)
{
    if (!t)
        return NULL;
    (void)lease_abort(&t->lease, 0);
    lease_until(&t->lease, 0);
    (void)pthread_join(t->thread, NULL);
    lease_clear(&t->lease);
    free(t);
    return NULL;
}
