#include "engine/build/executable.h"

#include <stdlib.h>
#include <string.h>

#include "engine/build/artefact.h"
#include "engine/build/build_outcome.h"
#include "engine/build/toolchain.h"
#include "engine/cell/cell_memfd.h"
#include "schema/base/err.h"

/* Some compilers refuse a byte order mark, and it means nothing to the others. */
static struct bytes without_mark(const struct bytes *source)
{
    static const char mark[] = { '\xef', '\xbb', '\xbf' };
    bool has = source->len >= sizeof mark && memcmp(source->data, mark, sizeof mark) == 0;
    size_t skip = has ? sizeof mark : 0;

    return (struct bytes){ .data = source->data + skip, .len = source->len - skip };
}

struct executable executable_of(const struct toolchain *toolchain, const struct bytes *source)
{
    return (struct executable){
        .toolchain = toolchain, .source = without_mark(source), .source_fd = -1, .artefact_fd = -1
    };
}

/* No runtime starts with less than 2 MiB, and no JVM with a stack of more than 1 GiB; the cell has
 * the limit itself. */
static void set_sizes(struct language_variables *variables, int64_t memory_limit,
                      int64_t build_memory)
{
    variables->memory_mib = memory_limit > 2 * MIB ? memory_limit / MIB : 2;
    variables->stack_mib = variables->memory_mib < GIB / MIB ? variables->memory_mib : GIB / MIB;
    variables->build_memory_mib = build_memory / MIB;
}

/* Replaces *command; on failure it stays as it was. */
static int expand(const struct executable *x, const char *const *argv, char ***command,
                  struct err *e)
{
    char **expanded;

    if (language_expand(argv, &x->variables, &expanded, e) < 0)
        return -1;
    free(*command);
    *command = expanded;
    return 0;
}

int executable_name(struct executable *x, int64_t memory_limit, int64_t build_memory,
                    const char **ret_why, struct err *e)
{
    const struct language *row = x->toolchain->row;

    if (language_name_source(row, x->source.data, x->source.len, &x->variables, ret_why, e) < 0)
        return -1;
    set_sizes(&x->variables, memory_limit, build_memory);
    return expand(x, row->build, &x->build, e) < 0 || expand(x, row->run, &x->run, e) < 0
               ? -1
               : expand(x, row->check, &x->check, e);
}

int executable_load(struct executable *x, struct err *e)
{
    x->source_fd = cell_memfd("source", x->source.data, x->source.len, e);
    return x->source_fd < 0 ? -1 : 0;
}

struct cell_file executable_source_file(const struct executable *x)
{
    return (struct cell_file){ .name = x->variables.source,
                               .fd = x->source_fd,
                               .kind = AGENT_FILE_PLAIN };
}

int executable_accept(struct executable *x, struct build_outcome *o, const char **ret_why,
                      struct err *e)
{
    const struct language *row = x->toolchain->row;

    if (artefact_inspect(row, o->artefact_fd, &x->source, &x->variables, ret_why, e) < 0)
        return -1;
    if (*ret_why)
        return 0;
    if (row->collect == AGENT_COLLECT_TREE &&
        (expand(x, row->run, &x->run, e) < 0 || expand(x, row->check, &x->check, e) < 0))
        return -1;
    x->artefact_fd = TAKE_FD(o->artefact_fd);
    return 0;
}

void executable_clear(struct executable *x)
{
    free(x->build);
    free(x->run);
    free(x->check);
    closep(&x->source_fd);
    closep(&x->artefact_fd);
    *x = (struct executable){ .source_fd = -1, .artefact_fd = -1 };
}
