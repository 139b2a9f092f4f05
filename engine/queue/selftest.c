#include "engine/queue/selftest.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/build/toolchain.h"
#include "engine/docker/docker.h"
#include "engine/docker/docker_pull.h"
#include "engine/engine_config.h"
#include "engine/judge/judge.h"
#include "engine/pool/lease.h"
#include "engine/queue/readiness.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/model/report.h"

#define RETRY_MS       5000
#define RETRY_MAX_MS   (300 * 1000LL)
#define WELL_MS        (60 * 1000LL)   /* as long as this, and what was before is forgotten */
#define IDLE_MS        (3600 * 1000LL) /* everything is well; readiness_doubt() says otherwise */
#define PROGRESS_MS    3000
#define VERSION_CPU_NS (20 * NS_PER_S)
#define VERSION_BYTES  (4 * KIB)

struct selftest {
    struct selftest_config config;
    struct lease bench;
    pthread_t thread;
    struct {
        int64_t due_ms; /* clock_mono_ns() in ms; 0 = now */
        int64_t delay_ms;
        int64_t passed_ms;            /* when it last did; 0: never */
        const struct toolchain *plan; /* whose shelves are kept; the ready's. NULL: none */
        bool pull;                    /* an image was missing at the first look */
    } next[LANGUAGES_MAX];
};

static int64_t now_ms(void) { return clock_mono_ns() / NS_PER_MS; }

/* ---- images ---- */

struct progress {
    struct selftest *t;
    const char *image;
    int64_t said_ms;
};

static bool say_progress(void *ctx, const char *line)
{
    struct progress *p = ctx;

    if (now_ms() - p->said_ms >= PROGRESS_MS) {
        p->said_ms = now_ms();
        log_info("image_pull", log_s("image", p->image), log_s("progress", line));
    }
    return !readiness_stopping(p->t->config.ready);
}

static int pull_missing(struct selftest *t, const char *image, struct err *e)
{
    struct progress p = { .t = t, .image = image };
    json_t *found = NULL;

    if (!image)
        return 0;
    if (docker_image(t->bench.docker, image, &found, e) == 0) {
        json_decref(found);
        return 0;
    }
    if (e->kind != ERR_IMAGE)
        return -1;
    log_info("image_pull", log_s("image", image), log_s("progress", "begins"));
    if (docker_pull(t->bench.docker, image, say_progress, &p, e) < 0)
        return err_wrap(e, "image '%s' is not here and cannot be pulled", image);
    log_info("image_pull", log_s("image", image), log_s("progress", "done"));
    return 0;
}

/* ---- one language ---- */

/* The first line of what the version command prints, wherever it prints it. */
static int ask_version(struct selftest *t, struct toolchain *p, struct err *e)
{
    bool builds = p->build_image != NULL;
    struct lease_cell *cell;
    struct cell_result r;
    struct cell_request q = { .argv = p->row->version,
                              .env = (const char *const *)(builds ? p->build_env : p->run_env),
                              .exec_fd = -1,
                              .stdio = CELL_STDIO_ALONE(-1),
                              .cpu_limit_ns = VERSION_CPU_NS,
                              .memory_limit = t->config.engine->build_memory_bytes,
                              .file_bytes = MIB,
                              .out_max = VERSION_BYTES,
                              .err_keep = VERSION_BYTES };

    if (!p->row->version[0])
        return 0;
    if (lease_acquire(&t->bench, builds ? &p->build : &p->run, t->config.engine->build_memory_bytes,
                      1, &cell, e) < 0)
        return -1;
    if (cell_run(cell->cell, t->bench.docker, &q, &r, e) < 0)
        return -1;
    lease_release(&t->bench, cell);
    const struct buf *said = r.out.len > 0 ? &r.out : &r.err;
    const char *line = said->data ? said->data : "";
    (void)snprintf(p->version, sizeof p->version, "%.*s", (int)strcspn(line, "\r\n"), line);
    bool ok = r.agent.exec_errno == 0 && r.agent.status == 0;
    cell_result_clear(&r);
    return ok ? 0
              : err_set(e, ERR_PLATFORM, "'%s' does not run: %.200s", p->row->version[0],
                        p->version);
}

/* What the runtime needs before a program of theirs needs anything; hello varies from run to run.
 */
static int64_t allowance_of(int64_t hello_bytes)
{
    int64_t more = hello_bytes + hello_bytes / 4;
    return (more + MIB - 1) / MIB * MIB;
}

static int say_failure(const struct report *r, struct err *e)
{
    const struct test_report *t = &r->tests[0];
    const char *said = r->verdict == VERDICT_BF ? r->build_log.data : t->err.data;

    return err_set(e, ERR_PLATFORM, "hello is %s, exit code %d: %.200s", verdict_name(r->verdict),
                   r->exit_code, said && said[0] ? said : "(it said nothing)");
}

static int judge_hello(struct selftest *t, struct toolchain *p, struct err *e)
{
    static char expected[] = LANGUAGE_HELLO_OUTPUT, nothing[] = "";
    /* Read only, whatever struct bytes says. */
    struct source_file hello = { .bytes = { .data = (char *)(uintptr_t)p->row->hello,
                                            .len = strlen(p->row->hello) } };
    struct test test = { .number = 1,
                         .input = { .data = nothing },
                         .expected = { .data = expected, .len = strlen(expected) } };
    struct submission s = { .language = (char *)(uintptr_t)p->row->name,
                            .source = { .files = &hello, .len = 1 },
                            .checker = { .kind = CHECKER_LINES, .case_sensitive = true },
                            .stop_on_failure = true,
                            .tests = &test,
                            .tests_len = 1 };
    struct report *r = NULL;

    if (judge_submission(&t->bench, p, &s, &r, e) < 0)
        return -1;
    int rc = r->verdict == VERDICT_OK ? 0 : say_failure(r, e);
    if (p->allowance == 0)
        p->allowance = allowance_of(r->memory_bytes);
    report_free(r);
    return rc;
}

static int make_ready(struct selftest *t, const struct language *row, struct toolchain **ret_plan,
                      struct err *e)
{
    CLEANUP(toolchain_freep) struct toolchain *p = NULL;

    if (toolchain_make(row, t->bench.docker, t->config.engine, &p, e) < 0 ||
        toolchain_cache(p, &t->bench, e) < 0 || ask_version(t, p, e) < 0 ||
        judge_hello(t, p, e) < 0 || toolchain_add_classes(p, t->config.pool, e) < 0)
        return -1;
    *ret_plan = TAKE(p);
    return 0;
}

/* ---- all of them, again and again ---- */

static void delay_next(struct selftest *t, size_t i)
{
    int64_t delay = t->next[i].delay_ms * 2;

    delay = delay < RETRY_MS ? RETRY_MS : delay > RETRY_MAX_MS ? RETRY_MAX_MS : delay;
    t->next[i].delay_ms = delay;
    t->next[i].due_ms = now_ms() + delay;
}

/* The shelves of the plan that was published before are not needed any more; those that the new one
 * has too, it has named by now, so that their cells stay. */
static void keep_shelves(struct selftest *t, size_t i, const struct toolchain *p)
{
    if (t->next[i].plan)
        toolchain_remove_classes(t->next[i].plan, t->config.pool);
    t->next[i].plan = p;
}

static void fail(struct selftest *t, size_t i, const struct err *e)
{
    bool image = e->kind == ERR_IMAGE;

    keep_shelves(t, i, NULL);
    if (e->kind == ERR_CANCELLED || e->kind == ERR_UNAVAILABLE || e->kind == ERR_HOST) {
        readiness_unavailable(t->config.ready, i, READINESS_PENDING, false, e->msg);
        t->next[i].due_ms = now_ms() + RETRY_MS; /* the host is away, not the language */
        return;
    }
    readiness_unavailable(t->config.ready, i, image ? READINESS_PENDING : READINESS_FAILED, !image,
                          e->msg);
    t->next[i].pull = image;
    delay_next(t, i);
    log_warning("language_not_ready", log_s("language", t->config.languages->rows[i].name),
                log_s("error", e->msg), log_i("retry_in_ms", t->next[i].delay_ms));
}

/* A language that passes and yet cannot be judged with, again and again, is tested ever more
 * seldom too. Takes p. */
static void publish(struct selftest *t, size_t i, struct toolchain *p, int64_t start)
{
    int64_t now = now_ms(), passed = t->next[i].passed_ms;
    struct err e;

    if (!readiness_available(t->config.ready, i, p)) {
        toolchain_remove_classes(p, t->config.pool);
        (void)toolchain_free(p);
        (void)err_set(&e, ERR_NOMEM, "language '%s'", t->config.languages->rows[i].name);
        fail(t, i, &e);
        return;
    }
    keep_shelves(t, i, p);
    if (passed == 0 || now - passed > WELL_MS)
        t->next[i].due_ms = t->next[i].delay_ms = 0;
    else
        delay_next(t, i);
    t->next[i].passed_ms = now;
    log_info("language_ready", log_s("language", p->row->name), log_s("version", p->version),
             log_i("allowance_bytes", p->allowance), log_i("took_ms", now - start));
}

static void test_language(struct selftest *t, size_t i)
{
    const struct language *row = &t->config.languages->rows[i];
    int64_t start = now_ms();
    struct toolchain *p = NULL;
    struct err e = { .kind = ERR_NONE };

    lease_begin(&t->bench, t->config.pool, -1);
    int rc = 0;
    if (t->next[i].pull &&
        (pull_missing(t, row->image, &e) < 0 || pull_missing(t, row->run_image, &e) < 0))
        rc = -1;
    if (rc == 0)
        rc = make_ready(t, row, &p, &e);
    lease_end(&t->bench);

    if (rc == 0)
        publish(t, i, p, start);
    else
        fail(t, i, &e);
}

/* Which images are here is known at once, so that /readyz need not wait for compilers. */
static void look_at_images(struct selftest *t)
{
    const struct language_table *l = t->config.languages;

    for (size_t i = 0; i < l->len; i++) {
        struct toolchain *p = NULL;
        struct err e;
        bool here = toolchain_make(&l->rows[i], t->bench.docker, t->config.engine, &p, &e) == 0;
        t->next[i].pull = !here;
        readiness_unavailable(t->config.ready, i, READINESS_PENDING, here,
                              here ? "the self-test is running" : e.msg);
        (void)toolchain_free(p);
    }
}

/* What may take minutes comes last: caches after plain languages, pulls after both. */
static int rank_of(const struct selftest *t, size_t i)
{
    if (t->next[i].pull)
        return 2;
    return t->config.languages->rows[i].cache_volume_target ? 1 : 0;
}

/* The language to test now; len when there is none, and then how long there will be none. */
static size_t next_due(const struct selftest *t, int64_t *ret_wait_ms)
{
    size_t len = t->config.languages->len, best = len;
    int64_t now = now_ms(), wait = IDLE_MS;

    for (size_t i = 0; i < len; i++) {
        if (readiness_state(t->config.ready, i) == READINESS_OK)
            continue;
        if (t->next[i].due_ms > now)
            wait = wait < t->next[i].due_ms - now ? wait : t->next[i].due_ms - now;
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

    look_at_images(t);
    while (!readiness_stopping(t->config.ready)) {
        uint64_t ticket = readiness_version(t->config.ready);
        size_t i = next_due(t, &wait_ms);
        if (i < t->config.languages->len)
            test_language(t, i);
        else
            (void)readiness_wait_ms(t->config.ready, ticket, wait_ms);
    }
    return NULL;
}

int selftest_start(const struct selftest_config *c, struct selftest **ret_selftest, struct err *e)
{
    struct selftest *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(e, ERR_NOMEM, "the self-test");
    t->config = *c;
    if (lease_init(&t->bench, c->engine, c->host, e) < 0) {
        free(t);
        return -1;
    }
    int rc = pthread_create(&t->thread, NULL, selftest_main, t);
    if (rc != 0) {
        lease_clear(&t->bench);
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
    (void)lease_abort(&t->bench, 0);
    lease_until(&t->bench, 0);
    (void)pthread_join(t->thread, NULL);
    lease_clear(&t->bench);
    free(t);
    return NULL;
}
