#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "engine/language/language.h"
#include "engine/language/language_cache.h"
#include "engine/language/language_file.h"
#include "schema/base/err.h"

/* builtin/NAME.json, in the order in which they are listed. They are read like the files of a user.
 * Reasons for their contents, which a JSON file cannot hold:
 *
 *   python  `check` compiles and runs nothing. Its own output is not used: stderr of the first run
 *           holds the error.
 *   go      GOMAXPROCS: a run cell has one core, and a program cannot see its quota. /var/tmp holds
 *           the cache, because in every image all users may write there, and a new volume takes
 *           the mode of the directory.
 *   c       -lm: a program may need it; behind the source it costs nothing.
 *   c, cpp  LANG: glibc loads C.UTF-8 from files that a small run image does not have, and then
 *           std::locale("") aborts. C is built into glibc.
 *   java    Neither compiler nor program sees the limits of its cell, so they are arguments. -Xss
 *           is for the main thread, which the launcher creates with it; ThreadStackSize=0, behind
 *           it, restores the JVM's default for threads that the program starts. A full heap ends
 *           the JVM at once, in whichever thread, even if the program would catch the error: the
 *           heap is as large as the memory limit, and passing that is ML in every language.
 *           Messages of the JVM go to stderr, never into the program's output. The second of
 *           `heap_limit_text` is thrown by the library, not by the JVM, which goes on.
 *           `warm_run` has an archive of classes, and compiles a method after 2000 calls instead of
 *           200: to compile what the start of the JVM and of the library uses a few hundred times
 *           takes a fifth of a small program's time (107 ms of CPU, and 86 so). A loop is compiled
 * as early as before, and a program that computes for a second takes no longer. `oom_before` is the
 * text that the handler of uncaught errors and a stack trace put in front. */
#define BUILT_INS(X) X(python) X(go) X(c) X(cpp) X(java)

#define DECLARE(name)                                                                              \
    extern const char language_builtin_##name[];                                                   \
    extern const size_t language_builtin_##name##_size;
BUILT_INS(DECLARE)

#define ROW(name) { #name ".json", language_builtin_##name, &language_builtin_##name##_size },
static const struct built_in {
    const char *file, *text;
    const size_t *size; /* of text, in bytes */
} built_ins[] = { BUILT_INS(ROW) };

/* Copies text into the arena, a JSON array. NULL out of memory. */
static const char *copy_to_arena(json_t *arena, const char *text)
{
    json_t *s = json_string_nocheck(text);
    return s && json_array_append_new(arena, s) == 0 ? json_string_value(s) : NULL;
}

static int override_text(json_t *arena, const char *text, const char **field, struct err *e)
{
    if (!text)
        return 0;
    if (!text[0])
        return err_set(e, ERR_SETTING, "an image or work directory must not be empty");
    const char *kept = copy_to_arena(arena, text);
    if (!kept)
        return err_set(e, ERR_NOMEM, "languages");
    *field = kept;
    return 0;
}

static struct language *find_row(const struct language_table *l, const char *name)
{
    for (size_t i = 0; i < l->len; i++)
        if (strcmp(l->rows[i].name, name) == 0)
            return &l->rows[i];
    return NULL;
}

/* Where nothing is built, {PREFIX}_IMAGE sets the run image. */
static int override_row(const struct language_table *l, const struct language_override *o,
                        struct err *e)
{
    struct language *language = find_row(l, o->name);

    if (!language)
        return err_set(e, ERR_BUG, "no built-in language '%s'", o->name);
    if (override_text(l->arena, o->image, language->image ? &language->image : &language->run_image,
                      e) < 0 ||
        override_text(l->arena, o->run_image, &language->run_image, e) < 0 ||
        override_text(l->arena, o->workdir, &language->workdir, e) < 0)
        return err_wrap(e, "language '%s'", o->name);
    if (language->workdir[0] != '/' || !language->workdir[1])
        return err_set(e, ERR_SETTING, "language '%s': work directory '%s' is not an absolute path",
                       o->name, language->workdir);
    return 0;
}

static int is_json(const struct dirent *d)
{
    size_t len = strlen(d->d_name);
    return len > 5 && d->d_name[0] != '.' && strcmp(d->d_name + len - 5, ".json") == 0;
}

/* Takes json, whose strings the row borrows. dir is where its files are, as in
 * language_cache_load(). */
static int add_row(struct language_table *l, struct language *language, const char *dir,
                   json_t *json, struct err *e)
{
    if (json_array_append_new(l->arena, json) < 0)
        return err_set(e, ERR_NOMEM, "languages");
    if (language_cache_load(&language->cache, dir, l->arena, e) < 0 ||
        language_cache_load(&language->run_cache, dir, l->arena, e) < 0)
        return err_wrap(e, "%s.json", language->name);
    struct language *old = find_row(l, language->name);
    if (!old && l->len == LANGUAGES_MAX)
        return err_set(e, ERR_SETTING, "more than %d languages", LANGUAGES_MAX);
    *(old ? old : &l->rows[l->len++]) = *language;
    return 0;
}

static int add_built_ins(struct language_table *l, struct err *e)
{
    struct language language;
    json_t *json;

    for (size_t i = 0; i < ARRAY_LEN(built_ins); i++) {
        const struct built_in *b = &built_ins[i];
        if (language_file_parse(b->file, b->text, *b->size, &language, &json, e) < 0 ||
            add_row(l, &language, NULL, json, e) < 0)
            return err_wrap(e, "built-in %s", b->file);
    }
    return 0;
}

static int add_file(struct language_table *l, const char *dir, const char *file, struct err *e)
{
    struct language language;
    json_t *json;

    if (language_file_read(dir, file, &language, &json, e) < 0)
        return -1;
    return add_row(l, &language, dir, json, e) < 0 ? err_wrap(e, "%s/%s", dir, file) : 0;
}

static int add_files(struct language_table *l, const char *dir, struct err *e)
{
    struct dirent **list;
    int rc = 0;

    int n = scandir(dir, &list, is_json, alphasort);
    if (n < 0)
        return err_errno(e, ERR_SETTING, errno, "LANGUAGES_DIR '%s'", dir);
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = add_file(l, dir, list[i]->d_name, e);
        free(list[i]);
    }
    free(list);
    return rc;
}

DEFINE_CLEANUP(struct language_table, language_table_free)

int language_table_open(const char *dir, const struct language_override *overrides,
                        size_t overrides_len, struct language_table **ret_languages, struct err *e)
{
    CLEANUP(language_table_freep) struct language_table *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(e, ERR_NOMEM, "languages");
    l->rows = calloc(LANGUAGES_MAX, sizeof *l->rows);
    l->arena = json_array();
    if (!l->rows || !l->arena)
        return err_set(e, ERR_NOMEM, "languages");

    if (add_built_ins(l, e) < 0)
        return -1;
    for (size_t i = 0; i < overrides_len; i++)
        if (override_row(l, &overrides[i], e) < 0)
            return -1;
    if (dir && add_files(l, dir, e) < 0)
        return -1;
    *ret_languages = TAKE(l);
    return 0;
}

static int mark_chosen(struct language_table *l, const char *name, bool chosen[LANGUAGES_MAX],
                       struct err *e)
{
    const struct language *language = find_row(l, name);

    if (!language)
        return err_set(e, ERR_SETTING, "there is no language '%.60s'", name);
    chosen[language - l->rows] = true;
    return 0;
}

int language_table_choose(struct language_table *l, const char *names, struct err *e)
{
    bool chosen[LANGUAGES_MAX] = { false };
    char *rest = NULL;
    size_t kept = 0;
    CLEANUP(freep) char *copy = strdup(names);

    if (!copy)
        return err_set(e, ERR_NOMEM, "languages");
    for (char *name = strtok_r(copy, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        if (mark_chosen(l, name, chosen, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < l->len; i++) {
        if (chosen[i])
            l->rows[kept++] = l->rows[i];
    }
    if (kept == 0)
        return err_set(e, ERR_SETTING, "no language is named");
    l->len = kept;
    return 0;
}

struct language_table *language_table_free(struct language_table *l)
{
    if (!l)
        return NULL;
    free(l->rows);
    json_decref(l->arena);
    free(l);
    return NULL;
}

const struct language *language_table_find(const struct language_table *l, const char *name)
{
    return find_row(l, name);
}
