#include "engine/build/build.h"

#include <string.h>
#include <sys/wait.h>

#include "engine/build/build_cache.h"
#include "engine/build/build_outcome.h"
#include "engine/build/executable.h"
#include "engine/build/toolchain.h"
#include "engine/engine_config.h"
#include "engine/pool/lease.h"
#include "schema/base/err.h"
#include "schema/base/hash.h"
#include "schema/base/text.h"

/* Build cells run compilers only. After this many builds, or any limit, a fresh one is taken. */
#define CELL_USES 100

/* Changes when the fields of a key or their order do. */
#define FORM "scrc build 1"

#define STDOUT_MAX (1 * MIB) /* some compilers complain there; more than this is a flood */

/* Why there is no artefact though the compiler may think so, or why it was stopped; NULL when its
 * own words are enough. */
static const char *reason(const struct cell_result *r)
{
    if (r->agent.collected == AGENT_COLLECTED)
        return NULL;
    if (r->out_flooded)
        return "the build wrote too much to stdout";
    if (r->agent.limit == AGENT_LIMIT_CPU)
        return "the build passed its CPU time limit (BUILD_TIME_LIMIT)";
    if (r->agent.limit == AGENT_LIMIT_WALL)
        return "the build took too long (BUILD_TIME_LIMIT)";
    if (r->agent.oom_kills > 0)
        return "the build needed more memory than it may have (BUILD_MEMORY_LIMIT)";
    if (WIFSIGNALED(r->agent.status))
        return "the compiler was killed by a signal";
    switch ((enum agent_collected)r->agent.collected) {
    case AGENT_COLLECTED_MISSING:
        return WEXITSTATUS(r->agent.status) == 0 ? "the build left no program" : NULL;
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

static int exit_code_of(const struct cell_result *r)
{
    int status = r->agent.status;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Another time a limit may not fire: how long a build takes depends on what else runs. */
static bool ended_by_itself(const struct cell_result *r)
{
    return r->agent.limit == AGENT_LIMIT_NONE && r->agent.oom_kills == 0 && !r->out_flooded &&
           WIFEXITED(r->agent.status);
}

/* stdout, then stderr, neither of which hides the other: each may have at least half of the log,
 * and what the other does not need. */
static int join_log(const struct cell_result *r, struct buf *log, struct err *e)
{
    static const char note[] = "\nscrc: the rest of stdout is cut off\n";
    size_t half = BUILD_LOG_MAX / 2;
    size_t room = BUILD_LOG_MAX - (r->err.len < half ? r->err.len : half);
    bool cut = r->out.len > room;
    size_t len = cut ? text_cut(r->out.data, r->out.len, room - strlen(note)) : r->out.len;

    if ((len > 0 && buf_add(log, r->out.data, len) < 0) ||
        (cut && buf_add(log, note, strlen(note)) < 0) ||
        (r->err.len > 0 && buf_add(log, r->err.data, r->err.len) < 0))
        return err_set(e, ERR_NOMEM, "a build log");
    return build_log_cut(log, r->err_truncated, e);
}

/* Takes what it wants out of *r. */
static int make_outcome(struct cell_result *r, struct build_outcome *ret_outcome, struct err *e)
{
    struct build_outcome o = { .artefact_fd = -1,
                               .exit_code = exit_code_of(r),
                               .repeatable = ended_by_itself(r) };
    const char *why = reason(r);

    if (join_log(r, &o.log, e) < 0 ||
        (why && buf_printf(&o.log, "%sscrc: %s\n", o.log.len > 0 ? "\n" : "", why) < 0)) {
        buf_clear(&o.log);
        return err_set(e, ERR_NOMEM, "a build log");
    }
    if (r->agent.collected == AGENT_COLLECTED)
        o.artefact_fd = TAKE_FD(r->artefact_fd);
    else if (o.exit_code == 0)
        o.exit_code = 1;
    *ret_outcome = o;
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

/* The image by its id; of the settings those that let a build end otherwise. */
void build_key(const struct engine_config *c, const struct executable *x,
               uint8_t ret_key[BUILD_KEY_SIZE])
{
    const struct toolchain *p = x->toolchain;
    crypto_generichash_state h;

    (void)crypto_generichash_init(&h, NULL, 0, BUILD_KEY_SIZE);
    hash_text(&h, FORM);
    hash_text(&h, p->build_image);
    hash_text(&h, p->row->workdir);
    hash_number(&h, p->row->collect);
    hash_text(&h, p->row->artefact);
    hash_texts(&h, x->build);
    hash_texts(&h, p->build_env);
    hash_number(&h, c->build_time_ms);
    hash_number(&h, c->build_memory_bytes);
    hash_number(&h, c->build_artefact_bytes);
    hash_number(&h, c->pids);
    for (size_t i = 0; i < x->source->len; i++) {
        struct bytes text = executable_source_text(x, i);
        hash_text(&h, executable_source_name(x, i));
        hash_bytes(&h, text.data, text.len);
    }
    (void)crypto_generichash_final(&h, ret_key, BUILD_KEY_SIZE);
}

/* ---- building ---- */

/* On success *ret_result is the caller's to clear, and the cell is back. */
static int compile(struct lease *b, const struct executable *x, struct cell_result *ret_result,
                   struct err *e)
{
    const struct engine_config *c = b->config;
    const struct toolchain *p = x->toolchain;
    struct lease_cell *cell;

    if (lease_acquire(b, &p->build, c->build_memory_bytes, CELL_USES, &cell, e) < 0)
        return -1;
    struct cell_file file = executable_source_file(x);
    struct cell_request q = { .argv = (const char *const *)x->build,
                              .env = (const char *const *)p->build_env,
                              .exec_fd = -1,
                              .stdio = CELL_STDIO_ALONE(-1),
                              .files = &file,
                              .files_len = 1,
                              .cpu_limit_ns = c->build_time_ms * NS_PER_MS,
                              .memory_limit = c->build_memory_bytes,
                              /* Whoever of the compiler's processes meets this limit tells of it
                               * in words that are no use to anybody. The cell's memory bounds its
                               * files as well, and there the kernel counts. */
                              .file_bytes = INT64_MAX,
                              .out_max = STDOUT_MAX,
                              .err_keep = BUILD_LOG_MAX,
                              .collect = p->row->collect,
                              .collect_name = p->row->artefact,
                              .collect_max = c->build_artefact_bytes };
    int rc = cell_run(cell->cell, b->docker, &q, ret_result, e);
    const struct cell_result *r = ret_result;
    cell->dead =
        rc < 0 || r->agent.limit != AGENT_LIMIT_NONE || r->agent.oom_kills > 0 || r->out_flooded;
    lease_release(b, cell);
    return rc;
}

static int make_new(struct lease *b, const struct executable *x, struct build_outcome *ret_outcome,
                    struct err *e)
{
    struct cell_result r;

    if (compile(b, x, &r, e) < 0)
        return err_wrap(e, "build");
    /* The self-test has seen the compiler start, so this is the host's fault and no source's. */
    int rc = r.agent.exec_errno != 0
                 ? err_errno(e, ERR_CELL, r.agent.exec_errno, "start '%s'", x->build[0])
                 : make_outcome(&r, ret_outcome, e);
    cell_result_clear(&r);
    return rc;
}

int build_run(struct lease *b, const struct executable *x, struct build_outcome *ret_outcome,
              struct err *e)
{
    uint8_t key[BUILD_KEY_SIZE];

    if (b->builds) {
        build_key(b->config, x, key);
        if (build_cache_find(b->builds, key, ret_outcome))
            return 0;
    }
    if (make_new(b, x, ret_outcome, e) < 0)
        return -1;
    if (b->builds && ret_outcome->repeatable)
        build_cache_store(b->builds, key, ret_outcome);
    return 0;
}
