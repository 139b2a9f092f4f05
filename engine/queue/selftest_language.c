#include "engine/queue/selftest_language.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/build/compile_server.h"
#include "engine/build/toolchain.h"
#include "engine/build/toolchain_cache.h"
#include "engine/engine_config.h"
#include "engine/judge/judge.h"
#include "engine/pool/lease.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/model/report.h"

#define VERSION_CPU_NS (20 * NS_PER_S)
#define VERSION_BYTES  (4 * KIB)

bool selftest_is_of_language(const struct err *e)
{
    return e->kind != ERR_CANCELLED && e->kind != ERR_UNAVAILABLE && e->kind != ERR_HOST;
}

/* Reads the first line that the version command prints, to stdout or stderr. */
static int read_tool_version(struct lease *lease, struct toolchain *toolchain, struct err *e)
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
                                    .memory_limit = lease->config->build_memory_bytes,
                                    .file_bytes = MIB,
                                    .out_max = VERSION_BYTES,
                                    .err_keep = VERSION_BYTES };

    if (!toolchain->language->version[0])
        return 0;
    if (lease_acquire(lease, builds ? &toolchain->build : &toolchain->run,
                      lease->config->build_memory_bytes, 1, &cell, e) < 0)
        return -1;
    if (cell_run(cell->cell, lease->docker, &request, &result, e) < 0)
        return -1;
    lease_release(lease, cell);
    const struct buf *output = result.out.len > 0 ? &result.out : &result.err;
    const char *line = output->data ? output->data : "";
    (void)snprintf(toolchain->version, sizeof toolchain->version, "%.*s",
                   (int)strcspn(line, "\r\n"), line);
    int rc = 0;
    if (result.agent.exec_errno != 0)
        rc = err_errno(e, ERR_PLATFORM, result.agent.exec_errno, "start '%s'",
                       toolchain->language->version[0]);
    else if (result.agent.status != 0)
        rc = err_set(e, ERR_PLATFORM, "'%s' does not run: %.200s", toolchain->language->version[0],
                     line[0] ? toolchain->version : "(it said nothing)");
    cell_result_clear(&result);
    return rc;
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

static int judge_hello(struct lease *lease, struct toolchain *toolchain, struct err *e)
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

    if (judge_submission(lease, toolchain, &s, &r, e) < 0)
        return -1;
    int rc = r->verdict == VERDICT_OK ? 0 : set_hello_failure(r, e);
    if (rc == 0 && toolchain->language->memory_overhead == 0)
        toolchain->memory_overhead = runtime_overhead(r->memory_bytes);
    report_free(r);
    return rc;
}

/* What is made in advance saves time only, unless hello says otherwise. */
static int make_caches(struct lease *lease, struct toolchain *toolchain, struct err *e)
{
    static const enum toolchain_cache_side sides[] = { TOOLCHAIN_CACHE_BUILD, TOOLCHAIN_CACHE_RUN };

    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        if (toolchain_cache_make(toolchain, sides[i], lease, e) == 0)
            continue;
        if (!selftest_is_of_language(e))
            return -1;
        toolchain->incomplete = true;
        log_warning("language_not_prepared", log_s("language", toolchain->language->name),
                    log_s("error", e->msg));
    }
    return 0;
}

/* 1: hello is right; 0: it is not, which was logged. */
static int judge_warm_hello(struct lease *lease, struct toolchain *toolchain, const char *command,
                            struct err *e)
{
    if (judge_hello(lease, toolchain, e) == 0)
        return 1;
    if (!selftest_is_of_language(e))
        return -1;
    toolchain->incomplete = true;
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
static int try_warm(struct lease *lease, struct toolchain *toolchain, struct err *e)
{
    const struct language *language = toolchain->language;
    int ok = 1;

    if (language->warm_build[0] && has_made(&language->cache, &toolchain->cache)) {
        toolchain->warm_build = TOOLCHAIN_WARM_ONLY;
        ok = judge_warm_hello(lease, toolchain, "warm_build", e);
        toolchain->warm_build = ok > 0 ? TOOLCHAIN_WARM_FIRST : TOOLCHAIN_PLAIN;
    }
    if (ok >= 0 && language->warm_run[0] && has_made(&language->run_cache, &toolchain->run_cache)) {
        toolchain->warm_run = true;
        ok = judge_warm_hello(lease, toolchain, "warm_run", e);
        toolchain->warm_run = ok > 0;
    }
    return ok < 0 ? -1 : 0;
}

/* Without its server a language is only slower. */
static int probe_server(struct lease *lease, struct toolchain *toolchain, struct err *e)
{
    if (!toolchain->server_argv || (toolchain->language->cache.build[0] && !toolchain->cache.made))
        return 0;
    toolchain->has_server = compile_server_probe(lease, toolchain, e) == 0;
    if (toolchain->has_server)
        return 0;
    if (!selftest_is_of_language(e))
        return -1;
    toolchain->incomplete = true;
    log_warning("compile_server_off", log_s("language", toolchain->language->name),
                log_s("error", e->msg), log_s("next", "the plain command builds"));
    return 0;
}

int selftest_language(struct lease *lease, const struct language *language,
                      struct toolchain **ret_toolchain, struct err *e)
{
    CLEANUP(toolchain_freep) struct toolchain *toolchain = NULL;

    if (toolchain_make(language, lease->docker, lease->config, &toolchain, e) < 0 ||
        make_caches(lease, toolchain, e) < 0 || read_tool_version(lease, toolchain, e) < 0 ||
        judge_hello(lease, toolchain, e) < 0 || probe_server(lease, toolchain, e) < 0 ||
        try_warm(lease, toolchain, e) < 0 || toolchain_add_classes(toolchain, lease->pool, e) < 0)
        return -1;
    toolchain_describe_accelerator(toolchain);
    *ret_toolchain = TAKE(toolchain);
    return 0;
}
