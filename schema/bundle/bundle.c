#include "schema/bundle/bundle.h"

#include <string.h>

#include "schema/base/err.h"

void bundle_clear(struct bundle *b)
{
    for (size_t i = 0; i < b->len; i++) {
        free(b->files[i].name);
        bytes_clear(&b->files[i].bytes);
    }
    free(b->files);
    *b = (struct bundle){ .files = NULL };
}

/* The part of a path that begins here is `word`. */
static bool is_part(const char *part, const char *word)
{
    size_t len = strlen(word);

    return strncmp(part, word, len) == 0 && (part[len] == '/' || part[len] == '\0');
}

static bool is_hidden_part(const char *part)
{
    return *part == '.' && !is_part(part, ".") && !is_part(part, "..");
}

bool bundle_hides(const char *name)
{
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (is_hidden_part(part) || is_part(part, "__MACOSX"))
            return true;
    }
    return false;
}

bool bundle_wants(const struct bundle_bounds *bounds, const char *name)
{
    size_t len = strlen(name);

    return len > 0 && name[len - 1] != '/' && !bundle_hides(name) &&
           (!bounds->wants || bounds->wants(name));
}

int bundle_check_name(const char *name, struct err *e)
{
    bool leads_out = *name == '/';

    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        leads_out = leads_out || is_part(part, "..");
    }
    if (leads_out)
        return err_set(e, ERR_INPUT, "its path leads out of the archive");
    return strlen(name) > BUNDLE_NAME_MAX
               ? err_set(e, ERR_INPUT, "its name has more than %d bytes", BUNDLE_NAME_MAX)
               : 0;
}

int bundle_add(struct bundle *b, const struct bundle_bounds *bounds, const char *name,
               struct bytes *bytes, struct err *e)
{
    if (b->len >= bounds->files)
        return err_set(e, ERR_INPUT, "it has more than %zu files", bounds->files);
    if (b->bytes + bytes->len > bounds->bytes)
        return err_set(e, ERR_INPUT, "with it the files are larger than %zu bytes together",
                       bounds->bytes);
    if (b->len == b->size) {
        size_t size = b->size ? b->size * 2 : 16;
        struct bundle_file *more = reallocarray(b->files, size, sizeof *more);
        if (!more)
            return err_set(e, ERR_NOMEM, "read files");
        b->files = more;
        b->size = size;
    }
    char *copy = strdup(name);
    if (!copy)
        return err_set(e, ERR_NOMEM, "read files");
    b->files[b->len++] = (struct bundle_file){ .name = copy, .bytes = *bytes };
    b->bytes += bytes->len;
    *bytes = (struct bytes){ .data = NULL };
    return 0;
}

void bundle_filter(struct bundle *b, bool (*kept)(const void *ctx, const char *name),
                   const void *ctx)
{
    size_t len = 0;

    for (size_t i = 0; i < b->len; i++) {
        if (kept(ctx, b->files[i].name)) {
            b->files[len++] = b->files[i];
            continue;
        }
        b->bytes -= b->files[i].bytes.len;
        free(b->files[i].name);
        bytes_clear(&b->files[i].bytes);
    }
    b->len = len;
}
