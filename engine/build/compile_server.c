#include "engine/build/compile_server.h"

#include <string.h>

#include "engine/build/build_outcome.h"
#include "engine/build/executable.h"
#include "engine/build/toolchain.h"
#include "engine/cell/cell_memfd.h"
#include "engine/engine_config.h"
#include "engine/pool/lease.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"

#define REQUEST     0x71637263u /* "crcq" */
#define ANSWER      0x61637263u /* "crca" */
#define NO_ARTEFACT UINT32_MAX

#define SERVER_USES 500             /* builds; then it is replaced */
#define ANSWER_NS   (10 * NS_PER_S) /* the plain command may take BUILD_TIME_LIMIT after that */
#define LOG_MAX     (16 * MIB)      /* more is odd */
#define CHUNK       ((size_t)1 << 16)

struct answer {
    uint32_t magic, exit_code, log_len, artefact_len;
};

/* ---- the request ---- */

static int add_u32(struct buf *b, size_t n)
{
    uint32_t number = (uint32_t)n;
    return buf_add(b, &number, sizeof number);
}

static int add_bytes(struct buf *b, const char *data, size_t len)
{
    return add_u32(b, len) < 0 ? -1 : buf_add(b, data, len);
}

static int add_words(struct buf *b, char *const *words)
{
    size_t n = 0;

    while (words[n])
        n++;
    if (add_u32(b, n) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (add_bytes(b, words[i], strlen(words[i])) < 0)
            return -1;
    return 0;
}

static int add_sources(struct buf *b, const struct executable *program)
{
    if (add_u32(b, program->source->len) < 0)
        return -1;
    for (size_t i = 0; i < program->source->len; i++) {
        const char *name = executable_source_name(program, i);
        struct bytes text = executable_source_text(program, i);
        if (add_bytes(b, name, strlen(name)) < 0 || add_bytes(b, text.data, text.len) < 0)
            return -1;
    }
    return 0;
}

static int write_request(const struct executable *program, struct buf *request, struct err *e)
{
    const char *artefact = program->toolchain->language->artefact;

    if (add_u32(request, REQUEST) < 0 || add_words(request, program->build) < 0 ||
        add_sources(request, program) < 0 || add_bytes(request, artefact, strlen(artefact)) < 0)
        return err_set(e, ERR_NOMEM, "a request to a compile server");
    return 0;
}

/* ---- the answer ---- */

/* Whether the plain command would say the same; if not, or if it is unknown, that is run. */
static int check_answer(const struct answer *a, int64_t artefact_max, struct err *e)
{
    bool built = a->artefact_len != NO_ARTEFACT;

    if (a->magic != ANSWER || a->exit_code > 1 || a->log_len > LOG_MAX ||
        built != (a->exit_code == 0) || (built && a->artefact_len > artefact_max))
        return err_set(e, ERR_CELL, "odd answer: exit code %u, %u bytes of log, %u built",
                       (unsigned)a->exit_code, (unsigned)a->log_len, (unsigned)a->artefact_len);
    return 0;
}

/* Keeps the first BUILD_LOG_MAX bytes, as a captured stderr does. */
static int receive_log(struct cell *cell, size_t len, int64_t deadline_ns, struct cell_result *r,
                       struct err *e)
{
    char chunk[CHUNK];

    r->err_truncated = len > BUILD_LOG_MAX;
    while (len > 0) {
        size_t part = len < sizeof chunk ? len : sizeof chunk, room = BUILD_LOG_MAX - r->err.len;
        if (cell_receive(cell, chunk, part, deadline_ns, e) < 0)
            return -1;
        if (buf_add(&r->err, chunk, part < room ? part : room) < 0)
            return err_set(e, ERR_NOMEM, "a build log");
        len -= part;
    }
    return 0;
}

static int receive_artefact(struct cell *cell, size_t len, int64_t deadline_ns,
                            struct cell_result *r, struct err *e)
{
    CLEANUP(freep) void *data = malloc(len > 0 ? len : 1);

    if (!data)
        return err_set(e, ERR_NOMEM, "what was built");
    if (cell_receive(cell, data, len, deadline_ns, e) < 0)
        return -1;
    r->artefact_fd = cell_memfd("artefact", data, len, e);
    r->agent.collected = AGENT_COLLECTED;
    return r->artefact_fd < 0 ? -1 : 0;
}

static int take_answer(struct cell *cell, int64_t artefact_max, int64_t deadline_ns,
                       struct cell_result *r, struct err *e)
{
    struct answer a;

    if (cell_receive(cell, &a, sizeof a, deadline_ns, e) < 0 ||
        check_answer(&a, artefact_max, e) < 0 ||
        receive_log(cell, a.log_len, deadline_ns, r, e) < 0)
        return -1;
    r->agent.status = (int32_t)(a.exit_code << 8); /* as wait() gives it */
    return a.artefact_len == NO_ARTEFACT
               ? 0
               : receive_artefact(cell, a.artefact_len, deadline_ns, r, e);
}

/* ---- one build ---- */

static int talk(struct lease *lease, struct cell *cell, const struct executable *program,
                struct cell_result *r, struct err *e)
{
    CLEANUP(buf_clear) struct buf request = { .data = NULL };
    int64_t limit = lease->config->build_time_ms * NS_PER_MS;
    int64_t deadline_ns = clock_mono_ns() + (limit < ANSWER_NS ? limit : ANSWER_NS);

    if (write_request(program, &request, e) < 0 ||
        cell_send(cell, request.data, request.len, deadline_ns, e) < 0)
        return -1;
    return take_answer(cell, lease->config->build_artefact_bytes, deadline_ns, r, e);
}

static int build_once(struct lease *lease, const struct executable *program,
                      struct cell_result *ret_result, bool *ret_asked, struct err *e)
{
    struct cell_result r = { .artefact_fd = -1 };
    struct lease_cell *cell;

    *ret_asked = false;
    if (lease_acquire(lease, &program->toolchain->server, lease->config->build_memory_bytes,
                      SERVER_USES, &cell, e) < 0)
        return -1;
    *ret_asked = true;
    int rc = talk(lease, cell->cell, program, &r, e);
    cell->dead = rc < 0;
    lease_release(lease, cell);
    if (rc < 0)
        cell_result_clear(&r);
    else
        *ret_result = r;
    return rc;
}

int compile_server_build(struct lease *lease, const struct executable *program,
                         struct cell_result *ret_result, struct err *e)
{
    bool asked;

    if (!program->toolchain->has_server)
        return 0;
    if (build_once(lease, program, ret_result, &asked, e) == 0)
        return 1;
    if (!asked || e->kind == ERR_CANCELLED)
        return -1;
    log_warning("compile_server_failed", log_s("language", program->toolchain->language->name),
                log_s("error", e->msg), log_s("next", "the plain command builds"));
    return 0;
}

int compile_server_probe(struct lease *lease, const struct toolchain *toolchain, struct err *e)
{
    /* It is only read, although struct bytes is not const. */
    struct source_file hello = { .bytes = { .data = (char *)(uintptr_t)toolchain->language->hello,
                                            .len = strlen(toolchain->language->hello) } };
    const struct source_tree source = { .files = &hello, .len = 1 };
    CLEANUP(executable_clear) struct executable program = executable_of(toolchain, &source);
    CLEANUP(cell_result_clear) struct cell_result result = { .artefact_fd = -1 };
    const char *why;
    bool asked;

    if (executable_name(&program, lease->config->default_memory_bytes,
                        lease->config->build_memory_bytes, &why, e) < 0 ||
        build_once(lease, &program, &result, &asked, e) < 0)
        return -1;
    if (result.artefact_fd < 0)
        return err_set(e, ERR_PLATFORM, "hello does not build: %.200s",
                       result.err.data ? result.err.data : "");
    return 0;
}
