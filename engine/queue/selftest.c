#include "engine/queue/selftest.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/build/compile_server.h"
#include "engine/build/toolchain.h"
#include "engine/build/toolchain_cache.h"
#include "engine/docker/docker.h"
#include "engine/docker/docker_pull.h"
#include "engine/engine_config.h"
#include "engine/judge/judge.h"
#include "engine/pool/lease.h"
#include "engine/queue/readiness.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"
#include "schema/model/report.h"

#define RETRY_MS       5000
#define RETRY_MAX_MS   (300 * 1000LL)
#define WELL_MS        (60 * 1000LL)   /* between two passes; after that the delay starts again */
#define IDLE_MS        (3600 * 1000LL) /* all languages are OK; readiness_retest() ends the wait */
#define PROGRESS_MS    3000
#define VERSION_CPU_NS (20 * NS_PER_S)
#define VERSION_BYTES  (4 * KIB)

struct selftest {
    struct selftest_config config;
    struct lease lease;
    pthread_t thread;
    struct {
        int64_t due_ms; /* clock_mono_ns() in ms; 0 = now */
        int64_t delay_ms;
        int64_t passed_ms; /* of the last pass; 0: never */
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

/* ---- one language ---- */

/* Reads the first line that the version command prints, to stdout or stderr. */
static int read_tool_version(struct selftest *t, struct toolchain *toolchain, struct err *e)
{
    bool builds = toolchain->build_image != NULL;
    struct lease_cell *cell;
    struct cell_result result;
    struct cell_request request = { .argv = toolchain->language->version,
                                    .env = (const char *const *)(builds ? toolchain->build_env
                                                                        : toolchain->run_env),
                                    .exec_fd = -1,
                                    .stdio = CELL_STDIO_ALONE(-1),
                                    .cpu_limit_ns = VERSION_CPU_NS,
                                    .memory_limit = t->config.engine->build_memory_bytes,
                                    .file_bytes = MIB,
                                    .out_max = VERSION_BYTES,
                                    .err_keep = VERSION_BYTES };

    if (!toolchain->language->version[0])
        return 0;
    if (lease_acquire(&t->lease, builds ? &toolchain->build : &toolchain->run,
                      t->config.engine->build_memory_bytes, 1, &cell, e) < 0)
        return -1;
    if (cell_run(cell->cell, t->lease.docker, &request, &result, e) < 0)
        return -1;
    lease_release(&t->lease, cell);
    const struct buf *output = result.out.len > 0 ? &result.out : &result.err;
    const char *line = output->data ? output->data : "";
    (void)snprintf(toolchain->version, sizeof toolchain->version, "%.*s",
                   (int)strcspn(line, "\r\n"), line);
    bool ok = result.agent.exec_errno == 0 && result.agent.status == 0;
    cell_result_clear(&result);
    return ok ? 0
              : err_set(e, ERR_PLATFORM, "'%s' does not run: %.200s",
                        toolchain->language->version[0], toolchain->version);
}

/* Memory of the runtime alone, and a quarter more, since hello varies from run to run. */
static int64_t runtime_overhead(int64_t hello_bytes)
{
    int64_t more = hello_bytes + hello_bytes / 4;
    return (more + MIB - 1) / MIB * MIB;
}

static int set_hello_failure(const struct report *r, struct err *e)
{
    const struct test_report *t = &r->tests[0];
    const char *output = r->verdict == VERDICT_BF ? r->build_log.data : t->err.data;

    return err_set(e, ERR_PLATFORM, "hello is %s, exit code %d: %.200s", verdict_name(r->verdict),
                   r->exit_code, output && output[0] ? output : "(it said nothing)");
}

static int judge_hello(struct selftest *t, struct toolchain *toolchain, struct err *e)
{
    static char expected[] = LANGUAGE_HELLO_OUTPUT, nothing[] = "";
    /* It is only read, although struct bytes is not const. */
    struct source_file hello = { .bytes = { .data = (char *)(uintptr_t)toolchain->language->hello,
                                            .len = strlen(toolchain->language->hello) } };
    struct test test = { .number = 1,
                         .input = { .data = nothing },
                         .expected = { .data = expected, .len = strlen(expected) } };
    struct submission s = { .language = (char *)(uintptr_t)toolchain->language->name,
                            .source = { .files = &hello, .len = 1 },
                            .checker = { .kind = CHECKER_LINES, .case_sensitive = true },
                            .stop_on_failure = true,
                            .tests = &test,
                            .tests_len = 1 };
    struct report *r = NULL;

    if (judge_submission(&t->lease, toolchain, &s, &r, e) < 0)
        return -1;
    int rc = r->verdict == VERDICT_OK ? 0 : set_hello_failure(r, e);
    if (rc == 0 && toolchain->language->memory_overhead == 0)
        toolchain->memory_overhead = runtime_overhead(r->memory_bytes);
    report_free(r);
    return rc;
}

/* False when the host failed, not the language: then all of it is tried again later. */
static bool is_of_language(const struct err *e)
{
    return e->kind != ERR_CANCELLED && e->kind != ERR_UNAVAILABLE && e->kind != ERR_HOST;
}

/* What is made in advance saves time only, unless hello says otherwise. */
static int make_caches(struct selftest *t, struct toolchain *toolchain, struct err *e)
{
    static const enum toolchain_cache_side sides[] = { TOOLCHAIN_CACHE_BUILD, TOOLCHAIN_CACHE_RUN };

    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        if (toolchain_cache_make(toolchain, sides[i], &t->lease, e) == 0)
            continue;
        if (!is_of_language(e))
            return -1;
        log_warning("language_not_prepared", log_s("language", toolchain->language->name),
                    log_s("error", e->msg));
    }
    return 0;
}

/* 1: hello is right; 0: it is not, which was logged. */
static int judge_warm_hello(struct selftest *t, struct toolchain *toolchain, const char *command,
                            struct err *e)
{
    if (judge_hello(t, toolchain, e) == 0)
        return 1;
    if (!is_of_language(e))
        return -1;
    log_warning("language_not_warm", log_s("language", toolchain->language->name),
                log_s("command", command), log_s("error", e->msg));
    return 0;
}

/* A recipe that says nothing has made nothing: the warm command would be no faster. */
static bool has_made(const struct language_cache *recipe, const struct toolchain_cache *cache)
{
    return !recipe->build[0] || (cache->made && cache->says[0]);
}

/* Turns the warm commands on that do what the plain ones do. */
static int try_warm(struct selftest *t, struct toolchain *toolchain, struct err *e)
{
    const struct language *language = toolchain->language;
    int ok = 1;

    if (language->warm_build[0] && has_made(&language->cache, &toolchain->cache)) {
        toolchain->warm_build = TOOLCHAIN_WARM_ONLY;
        ok = judge_warm_hello(t, toolchain, "warm_build", e);
        toolchain->warm_build = ok > 0 ? TOOLCHAIN_WARM_FIRST : TOOLCHAIN_PLAIN;
    }
    if (ok >= 0 && language->warm_run[0] && has_made(&language->run_cache, &toolchain->run_cache)) {
        toolchain->warm_run = true;
        ok = judge_warm_hello(t, toolchain, "warm_run", e);
        toolchain->warm_run = ok > 0;
    }
    return ok < 0 ? -1 : 0;
}

/* Without its server a language is only slower. */
static int probe_server(struct selftest *t, struct toolchain *toolchain, struct err *e)
{
    if (!toolchain->server_argv || (toolchain->language->cache.build[0] && !toolchain->cache.made))
        return 0;
    toolchain->has_server = compile_server_probe(&t->lease, toolchain, e) == 0;
    if (toolchain->has_server)
        return 0;
    if (!is_of_language(e))
        return -1;
    log_warning("compile_server_off", log_s("language", toolchain->language->name),
                log_s("error", e->msg), log_s("next", "the plain command builds"));
    return 0;
}

static int prepare_language(struct selftest *t, const struct language *language,
                            struct toolchain **ret_toolchain, struct err *e)
{
    CLEANUP(toolchain_freep) struct toolchain *toolchain = NULL;

    if (toolchain_make(language, t->lease.docker, t->config.engine, &toolchain, e) < 0 ||
        make_caches(t, toolchain, e) < 0 || read_tool_version(t, toolchain, e) < 0 ||
        judge_hello(t, toolchain, e) < 0 || probe_server(t, toolchain, e) < 0 ||
        try_warm(t, toolchain, e) < 0 || toolchain_add_classes(toolchain, t->config.pool, e) < 0)
        return -1;
    toolchain_describe_accelerator(toolchain);
    *ret_toolchain = TAKE(toolchain);
    return 0;
}

/* ---- all languages ---- */

static void delay_next(struct selftest *t, size_t i)
{
    int64_t delay = t->next[i].delay_ms * 2;

    delay = delay < RETRY_MS ? RETRY_MS : delay > RETRY_MAX_MS ? RETRY_MAX_MS : delay;
    t->next[i].delay_ms = delay;
    t->next[i].due_ms = selftest_now_ms() + delay;
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
    if (!is_of_language(e)) {
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
        rc = prepare_language(t, language, &toolchain, &e);
    lease_end(&t->lease);

    if (rc == 0)
        set_available(t, i, toolchain, start);
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
        if (readiness_state(t->config.readiness, i) == READINESS_OK)
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
