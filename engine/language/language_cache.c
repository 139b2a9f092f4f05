#include "engine/language/language_cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/err.h"

#define TEXT_MAX MIB

/* Files of the built-ins: their symbol and their name in builtin/. */
#define BUILT_IN_TEXTS(X)                                                                          \
    X(prepared_sh, "prepared.sh")                                                                  \
    X(build_gcc_sh, "build_gcc.sh")                                                                \
    X(prepare_gcc_sh, "prepare_gcc.sh")                                                            \
    X(build_go_sh, "build_go.sh")                                                                  \
    X(prepare_go_sh, "prepare_go.sh")                                                              \
    X(prepare_java_sh, "prepare_java.sh")                                                          \
    X(prepare_java_run_sh, "prepare_java_run.sh")                                                  \
    X(java_classes_txt, "java_classes.txt")                                                        \
    X(CompileServer_java, "CompileServer.java")

#define DECLARE_TEXT(symbol, name) extern const char language_text_##symbol[];
BUILT_IN_TEXTS(DECLARE_TEXT)

#define TEXT_ROW(symbol, name) { name, language_text_##symbol },
static const struct built_in_text {
    const char *name, *text;
} built_in_texts[] = { BUILT_IN_TEXTS(TEXT_ROW) };

static const char *built_in_text(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(built_in_texts); i++)
        if (strcmp(built_in_texts[i].name, name) == 0)
            return built_in_texts[i].text;
    return NULL;
}

/* New reference, or NULL with *e filled. */
static json_t *read_text(const char *dir, const char *name, struct err *e)
{
    char path[4096];
    CLEANUP(freep) char *text = malloc(TEXT_MAX + 1);

    if (!text)
        return (void)err_set(e, ERR_NOMEM, "a file of a language"), NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
        return (void)err_set(e, ERR_SETTING, "%s: the path is too long", dir), NULL;
    FILE *f = fopen(path, "re");
    if (!f)
        return (void)err_errno(e, ERR_SETTING, errno, "%s", path), NULL;
    size_t len = fread(text, 1, TEXT_MAX + 1, f);
    bool whole = !ferror(f) && len <= TEXT_MAX;
    (void)fclose(f);
    json_t *kept = whole ? json_stringn(text, len) : NULL;
    if (!kept)
        (void)err_set(e, ERR_SETTING, "%s: must be a text in UTF-8 of at most 1 MiB", path);
    return kept;
}

int language_cache_load(struct language_cache *c, const char *dir, json_t *arena, struct err *e)
{
    for (size_t i = 0; c->files[i]; i++) {
        if (!dir) {
            c->texts[i] = built_in_text(c->files[i]);
            if (!c->texts[i])
                return err_set(e, ERR_BUG, "no built-in file '%s'", c->files[i]);
            continue;
        }
        json_t *text = read_text(dir, c->files[i], e);
        if (!text)
            return -1;
        c->texts[i] = json_string_value(text);
        if (json_array_append_new(arena, text) < 0)
            return err_set(e, ERR_NOMEM, "a file of a language");
    }
    return 0;
}
