#include "engine/build/compile_answer.h"

#include <stdbool.h>
#include <stdlib.h>

#include "engine/build/artefact.h"
#include "engine/build/build_outcome.h"
#include "engine/cell/cell.h"
#include "engine/cell/cell_memfd.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"

#define ANSWER      0x61637263u /* "crca" */
#define NO_ARTEFACT UINT32_MAX

#define LOG_MAX (16 * MIB) /* more is odd */
#define CHUNK   ((size_t)1 << 16)

struct answer {
    uint32_t magic, exit_code, log_len, artefact_len;
};

/* Whether the plain command would say the same; if not, or if it is unknown, that is run. */
static int check_head(const struct answer *head, int64_t artefact_max, struct err *e)
{
    bool built = head->artefact_len != NO_ARTEFACT;

    if (head->magic != ANSWER || head->exit_code > 1 || head->log_len > LOG_MAX ||
        built != (head->exit_code == 0) || (built && head->artefact_len > artefact_max))
        return err_set(e, ERR_CELL, "odd answer: exit code %u, %u bytes of log, %u built",
                       (unsigned)head->exit_code, (unsigned)head->log_len,
                       (unsigned)head->artefact_len);
    return 0;
}

/* Keeps the first BUILD_LOG_MAX bytes, as a captured stderr does. */
static int take_log(const struct compile_answer_reader *reader, size_t len,
                    struct cell_result *result, struct err *e)
{
    char chunk[CHUNK];

    result->err_truncated = len > BUILD_LOG_MAX;
    while (len > 0) {
        size_t part = len < sizeof chunk ? len : sizeof chunk;
        size_t room = BUILD_LOG_MAX - result->err.len;
        if (reader->read(reader->ctx, chunk, part, e) < 0)
            return -1;
        if (buf_add(&result->err, chunk, part < room ? part : room) < 0)
            return err_set(e, ERR_NOMEM, "a build log");
        len -= part;
    }
    return 0;
}

static int take_artefact(const struct compile_answer_reader *reader,
                         const struct language *language, size_t len, struct cell_result *result,
                         struct err *e)
{
    CLEANUP(bytes_clear) struct bytes artefact = { .data = malloc(len > 0 ? len : 1), .len = len };

    if (!artefact.data)
        return err_set(e, ERR_NOMEM, "what was built");
    if (reader->read(reader->ctx, artefact.data, len, e) < 0)
        return -1;
    if (!artefact_is_sound(language, &artefact))
        return err_set(e, ERR_CELL, "odd answer: what it has built can be no program");
    result->artefact_fd = cell_memfd("artefact", artefact.data, len, e);
    result->agent.collected = AGENT_COLLECTED;
    return result->artefact_fd < 0 ? -1 : 0;
}

int compile_answer_read(const struct compile_answer_reader *reader, const struct language *language,
                        int64_t artefact_max, struct cell_result *result, struct err *e)
{
    struct answer head;

    if (reader->read(reader->ctx, &head, sizeof head, e) < 0 ||
        check_head(&head, artefact_max, e) < 0 || take_log(reader, head.log_len, result, e) < 0)
        return -1;
    result->agent.status = (int32_t)(head.exit_code << 8); /* as wait() gives it */
    return head.artefact_len == NO_ARTEFACT
               ? 0
               : take_artefact(reader, language, head.artefact_len, result, e);
}
