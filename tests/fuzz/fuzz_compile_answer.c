/* Any bytes as the answer of a compile server: never a crash, no descriptor is left open, and what
 * is taken is an outcome that a compiler can have, and an artefact that can be looked into.
 *
 * The first byte says what the language collects (enum with below).
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/build/artefact.h"
#include "engine/build/build_outcome.h"
#include "engine/build/compile_answer.h"
#include "engine/cell/cell.h"
#include "engine/language/language.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"
#include "tests/fuzz/fuzz.h"

#define ARTEFACT_MAX 300

enum with { WITH_FILE = 1 }; /* instead of a tree */

struct answer {
    const uint8_t *data;
    size_t left;
};

static int take(void *ctx, void *data, size_t len, struct err *e)
{
    struct answer *a = ctx;

    if (len > a->left)
        return err_set(e, ERR_CELL, "the program has ended");
    memcpy(data, a->data, len);
    a->data += len;
    a->left -= len;
    return 0;
}

static void check(const struct language *language, const struct cell_result *r)
{
    struct language_variables variables = { .main = "" };
    static char source[] = "class A {}";
    const struct bytes text = { .data = source, .len = strlen(source) };
    const char *why;
    struct stat st;
    struct err e;

    MUST(r->agent.status == 0 || r->agent.status == 1 << 8);
    MUST((r->agent.status == 0) == (r->artefact_fd >= 0));
    MUST((r->agent.collected == AGENT_COLLECTED) == (r->artefact_fd >= 0));
    MUST(r->err.len <= BUILD_LOG_MAX);
    if (r->artefact_fd < 0)
        return;
    MUST(fstat(r->artefact_fd, &st) == 0 && st.st_size <= ARTEFACT_MAX);
    MUST(fcntl(r->artefact_fd, F_GET_SEALS) & F_SEAL_WRITE);
    MUST(artefact_inspect(language, r->artefact_fd, &text, &variables, &why, &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct language language = { .collect = data[0] & WITH_FILE ? AGENT_COLLECT_FILE
                                                                      : AGENT_COLLECT_TREE,
                                       .naming = LANGUAGE_NAMING_JAVA,
                                       .source_name = (char *)(uintptr_t) "Main.java" };
    struct answer a = { .data = data + 1, .left = size - 1 };
    const struct compile_answer_reader reader = { .read = take, .ctx = &a };
    struct cell_result r = { .artefact_fd = -1 };
    struct err e = { .kind = ERR_NONE };
    int free_fd = fcntl(0, F_DUPFD_CLOEXEC, 0);

    MUST(free_fd >= 0 && close(free_fd) == 0);
    if (compile_answer_read(&reader, &language, ARTEFACT_MAX, &r, &e) == 0)
        check(&language, &r);
    else
        MUST(e.kind == ERR_CELL);
    cell_result_clear(&r);
    MUST(fcntl(free_fd, F_GETFD) < 0); /* the lowest that was free still is */
    return 0;
}
