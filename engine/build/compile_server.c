#include "engine/build/compile_server.h"

#include <string.h>

#include "engine/build/compile_answer.h"
#include "engine/build/executable.h"
#include "engine/build/toolchain.h"
#include "engine/engine_config.h"
#include "engine/pool/lease.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"

#define REQUEST 0x71637263u /* "crcq" */

#define SERVER_USES 500             /* builds; then it is replaced */
#define ANSWER_NS   (10 * NS_PER_S) /* the plain command may take BUILD_TIME_LIMIT after that */

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

/* ---- one build ---- */

struct stdout_of_server {
    struct cell *cell;
    int64_t deadline_ns;
};

static int receive(void *ctx, void *data, size_t len, struct err *e)
{
    const struct stdout_of_server *server = ctx;

    return cell_receive(server->cell, data, len, server->deadline_ns, e);
}

static int talk(struct lease *lease, struct cell *cell, const struct executable *program,
                struct cell_result *r, struct err *e)
{
    CLEANUP(buf_clear) struct buf request = { .data = NULL };
    int64_t limit = lease->config->build_time_ms * NS_PER_MS;
    int64_t deadline_ns = clock_mono_ns() + (limit < ANSWER_NS ? limit : ANSWER_NS);
    struct stdout_of_server server = { .cell = cell, .deadline_ns = deadline_ns };
    const struct compile_answer_reader reader = { .read = receive, .ctx = &server };

    if (write_request(program, &request, e) < 0 ||
        cell_send(cell, request.data, request.len, deadline_ns, e) < 0)
        return -1;
    return compile_answer_read(&reader, program->toolchain->language,
                               lease->config->build_artefact_bytes, r, e);
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
