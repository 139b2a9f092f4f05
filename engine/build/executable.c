#include "engine/build/executable.h"

#include <stdlib.h>
#include <string.h>

#include "engine/build/artefact.h"
#include "engine/build/build_outcome.h"
#include "engine/build/toolchain.h"
#include "engine/cell/cell_memfd.h"
#include "schema/base/err.h"

struct executable executable_of(const struct toolchain *toolchain, const struct source_tree *source)
{
    return (struct executable){
        .toolchain = toolchain, .source = source, .source_fd = -1, .artefact_fd = -1
    };
}

/* No runtime starts with less than 2 MiB, and no JVM with a stack of more than 1 GiB; the memory
 * of the cell is limited anyway. */
static void set_size_variables(struct language_variables *variables, int64_t memory_limit,
                               int64_t build_memory)
{
    variables->memory_mib = memory_limit > 2 * MIB ? memory_limit / MIB : 2;
    variables->stack_mib = variables->memory_mib < GIB / MIB ? variables->memory_mib : GIB / MIB;
    variables->build_memory_mib = build_memory / MIB;
}

/* Replaces *command; on failure it is unchanged. */
static int expand_command(const struct executable *program, const char *const *argv,
                          char ***command, struct err *e)
{
    char **expanded;

    if (language_expand(argv, &program->variables, &expanded, e) < 0)
        return -1;
    free(*command);
    *command = expanded;
    return 0;
}

static int name_first(struct executable *program, const char **ret_why, struct err *e)
{
    const char *name = program->source->files[0].name;
    struct bytes text = executable_source_text(program, 0);

    if (!name)
        return language_name_source(program->toolchain->language, text.data, text.len,
                                    &program->variables, ret_why, e);
    language_keep_name(name, &program->variables);
    *ret_why = NULL;
    return 0;
}

int executable_name(struct executable *program, int64_t memory_limit, int64_t build_memory,
                    const char **ret_why, struct err *e)
{
    const struct language *language = program->toolchain->language;

    if (name_first(program, ret_why, e) < 0)
        return -1;
    set_size_variables(&program->variables, memory_limit, build_memory);
    return expand_command(program, language->build, &program->build, e) < 0 ||
                   expand_command(program, language->warm_build, &program->warm_build, e) < 0 ||
                   expand_command(program, toolchain_run_command(program->toolchain), &program->run,
                                  e) < 0
               ? -1
               : expand_command(program, language->check, &program->check, e);
}

/* ---- the source ---- */

const char *executable_source_name(const struct executable *program, size_t i)
{
    return i == 0 ? program->variables.source : program->source->files[i].name;
}

/* Some compilers refuse a byte order mark, and the others ignore it. Only the first file loses
 * it: another file may be data, where it has a meaning. */
struct bytes executable_source_text(const struct executable *program, size_t i)
{
    static const char mark[] = { '\xef', '\xbb', '\xbf' };
    const struct bytes *b = &program->source->files[i].bytes;
    bool has = i == 0 && b->len >= sizeof mark && memcmp(b->data, mark, sizeof mark) == 0;
    size_t skip = has ? sizeof mark : 0;

    return (struct bytes){ .data = b->data + skip, .len = b->len - skip };
}

/* The format of an archive is in protocol.h. */
static int add_to_archive(const struct executable *program, size_t i, struct buf *archive)
{
    const char *name = executable_source_name(program, i);
    struct bytes text = executable_source_text(program, i);
    const uint32_t head[] = { (uint32_t)strlen(name), (uint32_t)text.len };

    return buf_add(archive, head, sizeof head) < 0 || buf_add(archive, name, head[0]) < 0
               ? -1
               : buf_add(archive, text.data, text.len);
}

static int load_archive(struct executable *program, struct err *e)
{
    CLEANUP(buf_clear) struct buf archive = { .data = NULL };

    for (size_t i = 0; i < program->source->len; i++) {
        if (add_to_archive(program, i, &archive) < 0)
            return err_set(e, ERR_NOMEM, "a source of %zu files", program->source->len);
    }
    program->source_fd = cell_memfd("sources", archive.data, archive.len, e);
    return program->source_fd < 0 ? -1 : 0;
}

int executable_load(struct executable *program, struct err *e)
{
    struct bytes text = executable_source_text(program, 0);

    if (program->source->len > 1)
        return load_archive(program, e);
    program->source_fd = cell_memfd("source", text.data, text.len, e);
    return program->source_fd < 0 ? -1 : 0;
}

struct cell_file executable_source_file(const struct executable *program)
{
    bool tree = program->source->len > 1;

    return (struct cell_file){ .name = tree ? "" : executable_source_name(program, 0),
                               .fd = program->source_fd,
                               .kind = tree ? AGENT_FILE_TREE : AGENT_FILE_PLAIN };
}

/* ---- what was built ---- */

int executable_accept(struct executable *program, struct build_outcome *outcome,
                      const char **ret_why, struct err *e)
{
    const struct language *language = program->toolchain->language;
    struct bytes text = executable_source_text(program, 0);

    if (artefact_inspect(language, outcome->artefact_fd, &text, &program->variables, ret_why, e) <
        0)
        return -1;
    if (*ret_why)
        return 0;
    if (language->collect == AGENT_COLLECT_TREE &&
        (expand_command(program, toolchain_run_command(program->toolchain), &program->run, e) < 0 ||
         expand_command(program, language->check, &program->check, e) < 0))
        return -1;
    program->artefact_fd = TAKE_FD(outcome->artefact_fd);
    return 0;
}

void executable_clear(struct executable *program)
{
    free(program->build);
    free(program->warm_build);
    free(program->run);
    free(program->check);
    closep(&program->source_fd);
    closep(&program->artefact_fd);
    *program = (struct executable){ .source_fd = -1, .artefact_fd = -1 };
}
