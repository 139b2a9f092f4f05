#include "engine/build/build.h"

#include <string.h>
#include <sys/wait.h>

#include "engine/build/build_outcome.h"
#include "engine/build/build_share.h"
#include "engine/build/compile_server.h"
#include "engine/build/executable.h"
#include "engine/build/toolchain.h"
#include "engine/engine_config.h"
#include "engine/pool/lease.h"
#include "schema/base/err.h"
#include "schema/base/hash.h"
#include "schema/base/text.h"

/* A build cell runs compilers only. It is replaced after this many builds, or when a limit was
 * passed. */
#define CELL_USES 100

/* To be changed when the fields of a key or their order change. */
#define FORM "scrc build 1"

#define STDOUT_MAX (1 * MIB) /* some compilers print errors there; more ends the build */

/* Why there is no artefact, or why the compiler was stopped; NULL when its own log is enough. */
static const char *failure_reason(const struct cell_result *result)
{
    if (result->agent.collected == AGENT_COLLECTED)
        return NULL;
    if (result->out_exceeded)
        return "the build wrote too much to stdout";
    if (result->agent.limit == AGENT_LIMIT_CPU)
        return "the build passed its CPU time limit (BUILD_TIME_LIMIT)";
    if (result->agent.limit == AGENT_LIMIT_WALL)
        return "the build took too long (BUILD_TIME_LIMIT)";
    if (result->agent.oom_kills > 0)
        return "the build needed more memory than it may have (BUILD_MEMORY_LIMIT)";
    if (WIFSIGNALED(result->agent.status))
        return "the compiler was killed by a signal";
    switch ((enum agent_collected)result->agent.collected) {
    case AGENT_COLLECTED_MISSING:
        return WEXITSTATUS(result->agent.status) == 0 ? "the build left no program" : NULL;
    case AGENT_COLLECTED_NOT_REGULAR:
        return "the build left something that is no regular file";
    case AGENT_COLLECTED_TOO_BIG:
        return "what was built is too large (BUILD_ARTEFACT_BYTES)";
    case AGENT_COLLECTED_NOTHING:
    case AGENT_COLLECTED:
        break;
    }
    return NULL;
}

static int exit_code_of(const struct cell_result *result)
{
    int status = result->agent.status;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* False when a limit was passed: how long a build takes depends on the load of the host, so next
 * time it may succeed. */
static bool ended_by_itself(const struct cell_result *result)
{
    return result->agent.limit == AGENT_LIMIT_NONE && result->agent.oom_kills == 0 &&
           !result->out_exceeded && WIFEXITED(result->agent.status);
}

/* Joins stdout and stderr: each may have at least half of the log, and what the other does not
 * need. */
static int join_log(const struct cell_result *result, struct buf *log, struct err *e)
{
    static const char note[] = "\nscrc: the rest of stdout is cut off\n";
    size_t half = BUILD_LOG_MAX / 2;
    size_t room = BUILD_LOG_MAX - (result->err.len < half ? result->err.len : half);
    bool cut = result->out.len > room;
    size_t len =
        cut ? text_cut(result->out.data, result->out.len, room - strlen(note)) : result->out.len;

    if ((len > 0 && buf_add(log, result->out.data, len) < 0) ||
        (cut && buf_add(log, note, strlen(note)) < 0) ||
        (result->err.len > 0 && buf_add(log, result->err.data, result->err.len) < 0))
        return err_set(e, ERR_NOMEM, "a build log");
    return build_log_cut(log, result->err_truncated, e);
}

/* Moves the artefact out of *result. */
static int make_outcome(struct cell_result *result, struct build_outcome *ret_outcome,
                        struct err *e)
{
    struct build_outcome outcome = { .artefact_fd = -1,
                                     .exit_code = exit_code_of(result),
                                     .repeatable = ended_by_itself(result) };
    const char *why = failure_reason(result);

    if (join_log(result, &outcome.log, e) < 0 ||
        (why &&
         buf_printf(&outcome.log, "%sscrc: %s\n", outcome.log.len > 0 ? "\n" : "", why) < 0)) {
        buf_clear(&outcome.log);
        return err_set(e, ERR_NOMEM, "a build log");
    }
    if (result->agent.collected == AGENT_COLLECTED)
        outcome.artefact_fd = TAKE_FD(result->artefact_fd);
    else if (outcome.exit_code == 0)
        outcome.exit_code = 1;
    *ret_outcome = outcome;
    return 0;
}

/* ---- what a build depends on ---- */

static void hash_texts(crypto_generichash_state *h, char *const *texts)
{
    size_t n = 0;

    while (texts[n])
        n++;
    hash_number(h, (int64_t)n);
    for (size_t i = 0; i < n; i++)
        hash_text(h, texts[i]);
}

/* The image by its id; of the settings only those that can change the outcome. */
void build_key(const struct engine_config *c, const struct executable *program,
               uint8_t ret_key[BUILD_KEY_SIZE])
{
    const struct toolchain *toolchain = program->toolchain;
    crypto_generichash_state h;

    (void)crypto_generichash_init(&h, NULL, 0, BUILD_KEY_SIZE);
    hash_text(&h, FORM);
    hash_text(&h, toolchain->build_image);
    hash_text(&h, toolchain->language->workdir);
    hash_number(&h, toolchain->language->collect);
    hash_text(&h, toolchain->language->artefact);
    hash_texts(&h, program->build);
    hash_texts(&h, toolchain->build_env);
    hash_number(&h, c->build_time_ms);
    hash_number(&h, c->build_memory_bytes);
    hash_number(&h, c->build_artefact_bytes);
    hash_number(&h, c->pids);
    for (size_t i = 0; i < program->source->len; i++) {
        struct bytes text = executable_source_text(program, i);
        hash_text(&h, executable_source_name(program, i));
        hash_bytes(&h, text.data, text.len);
    }
    (void)crypto_generichash_final(&h, ret_key, BUILD_KEY_SIZE);
}

/* ---- building ---- */

/* Runs one command of the program. On success the caller must clear *ret_result. lease_end()
 * releases the cell, after the report: that it is verified clean delays nobody. */
static int compile(struct lease *lease, const struct executable *program, char *const *argv,
                   int64_t cpu_limit_ns, struct cell_result *ret_result, struct err *e)
{
    const struct engine_config *c = lease->config;
    const struct toolchain *toolchain = program->toolchain;
    struct lease_cell *cell;

    if (lease_acquire(lease, &toolchain->build, c->build_memory_bytes, CELL_USES, &cell, e) < 0)
        return -1;
    struct cell_file file = executable_source_file(program);
    struct cell_request request = { .argv = (const char *const *)argv,
                                    .env = (const char *const *)toolchain->build_env,
                                    .exec_fd = -1,
                                    .stdio = CELL_STDIO_ALONE(-1),
                                    .files = &file,
                                    .files_len = 1,
                                    .cpu_limit_ns = cpu_limit_ns,
                                    .memory_limit = c->build_memory_bytes,
                                    /* No limit for a file: a compiler that meets it prints an
                                     * error that does not help. The memory of the cell limits
                                     * its files too, and the kernel counts that. */
                                    .file_bytes = INT64_MAX,
                                    .out_max = STDOUT_MAX,
                                    .err_keep = BUILD_LOG_MAX,
                                    .collect = toolchain->language->collect,
                                    .collect_name = toolchain->language->artefact,
                                    .collect_max = c->build_artefact_bytes,
                                    .last = true };
    int rc = cell_run(cell->cell, lease->docker, &request, ret_result, e);
    const struct cell_result *result = ret_result;
    cell->dead = rc < 0 || result->agent.limit != AGENT_LIMIT_NONE || result->agent.oom_kills > 0 ||
                 result->out_exceeded;
    return rc;
}

/* Builds with the warm command. *ret_believed: whether it made *ret_outcome. Else there is none: it
 * failed, or it said something, which the plain command may say in other words. */
static int build_warm(struct lease *lease, const struct executable *program, bool *ret_believed,
                      struct build_outcome *ret_outcome, struct err *e)
{
    /* Half of the limit: a source that ends at the limit both ways holds the cell for less than
     * twice the time of one. */
    int64_t cpu_limit_ns = lease->config->build_time_ms * NS_PER_MS / 2;
    struct cell_result result;

    if (compile(lease, program, program->warm_build, cpu_limit_ns, &result, e) < 0)
        return err_wrap(e, "build");
    *ret_believed =
        result.agent.collected == AGENT_COLLECTED && result.out.len == 0 && result.err.len == 0;
    if (!*ret_believed && program->toolchain->warm_build == TOOLCHAIN_WARM_ONLY) {
        result.agent.collected = AGENT_COLLECTED_NOTHING;
        *ret_believed = true; /* that it failed */
    }
    int rc = *ret_believed ? make_outcome(&result, ret_outcome, e) : 0;
    cell_result_clear(&result);
    return rc;
}

static int build_plain(struct lease *lease, const struct executable *program,
                       struct build_outcome *ret_outcome, struct err *e)
{
    struct cell_result result;

    if (compile(lease, program, program->build, lease->config->build_time_ms * NS_PER_MS, &result,
                e) < 0)
        return err_wrap(e, "build");
    /* The compiler has started in the self-test, so this is a fault of the host, not of the
     * source. */
    int rc = result.agent.exec_errno != 0
                 ? err_errno(e, ERR_CELL, result.agent.exec_errno, "start '%s'", program->build[0])
                 : make_outcome(&result, ret_outcome, e);
    cell_result_clear(&result);
    return rc;
}

/* As build_warm(), with the compile server, whose failures and messages are the compiler's own. */
static int build_served(struct lease *lease, const struct executable *program, bool *ret_believed,
                        struct build_outcome *ret_outcome, struct err *e)
{
    struct cell_result result;
    int served = compile_server_build(lease, program, &result, e);

    *ret_believed = served > 0;
    if (served <= 0)
        return served;
    int rc = make_outcome(&result, ret_outcome, e);
    cell_result_clear(&result);
    return rc;
}

static int build_anew(struct lease *lease, const struct executable *program,
                      struct build_outcome *ret_outcome, struct err *e)
{
    bool believed;

    if (build_served(lease, program, &believed, ret_outcome, e) < 0)
        return -1;
    if (!believed && program->toolchain->warm_build != TOOLCHAIN_PLAIN &&
        build_warm(lease, program, &believed, ret_outcome, e) < 0)
        return -1;
    return believed ? 0 : build_plain(lease, program, ret_outcome, e);
}

int build_run(struct lease *lease, const struct executable *program,
              struct build_outcome *ret_outcome, struct err *e)
{
    uint8_t key[BUILD_KEY_SIZE];

    if (!lease->builds)
        return build_anew(lease, program, ret_outcome, e);
    build_key(lease->config, program, key);
    int found = build_share_find(lease->builds, lease, key, ret_outcome, e);
    if (found != 0)
        return found < 0 ? -1 : 0;
    int rc = build_anew(lease, program, ret_outcome, e);
    build_share_end(lease->builds, key, rc < 0 ? NULL : ret_outcome);
    return rc;
}
