#include "schema/model/source_tree.h"

#include <stdlib.h>

int source_tree_make(size_t len, struct source_tree *ret_tree)
{
    struct source_file *files = calloc(len, sizeof *files);

    if (!files)
        return -1;
    *ret_tree = (struct source_tree){ .files = files, .len = len };
    return 0;
}

void source_tree_clear(struct source_tree *t)
{
    for (size_t i = 0; i < t->len; i++) {
        free(t->files[i].name);
        bytes_clear(&t->files[i].bytes);
    }
    free(t->files);
    *t = (struct source_tree){ .files = NULL };
}

bool source_tree_is_plain(const struct source_tree *t) { return t->len == 1 && !t->files[0].name; }

size_t source_tree_size(const struct source_tree *t)
{
    size_t size = 0;

    for (size_t i = 0; i < t->len; i++)
        size += t->files[i].bytes.len;
    return size;
}
