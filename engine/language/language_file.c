#include "engine/language/language_file.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"

enum field_type { TEXT, WORDS, ENVIRONMENT, FLAG, BYTES, EXIT_CODE, NAMING, COLLECT };

/* clang-format off */
#define FIELD(field, type) { #field, type, offsetof(struct language, field) }
/* clang-format on */
static const struct field {
    const char *name;
    enum field_type type;
    size_t offset;
} fields[] = {
    FIELD(name, TEXT),
    FIELD(title, TEXT),
    FIELD(image, TEXT),
    FIELD(run_image, TEXT),
    FIELD(workdir, TEXT),
    FIELD(source_name, TEXT),
    FIELD(naming, NAMING),
    FIELD(build, WORDS),
    FIELD(warm_build, WORDS),
    FIELD(collect, COLLECT),
    FIELD(artefact, TEXT),
    FIELD(compile_server, WORDS),
    FIELD(run, WORDS),
    FIELD(warm_run, WORDS),
    FIELD(check, WORDS),
    FIELD(check_exit_code, EXIT_CODE),
    FIELD(build_env, ENVIRONMENT),
    FIELD(run_env, ENVIRONMENT),
    FIELD(version, WORDS),
    FIELD(oom_text, TEXT),
    FIELD(oom_before, WORDS),
    FIELD(heap_limit_text, WORDS),
    { "allowance", BYTES, offsetof(struct language, memory_overhead) },
    FIELD(strict_memory, FLAG),
    { "cache_volume_target", TEXT, offsetof(struct language, cache.volume_target) },
    { "cache_build", WORDS, offsetof(struct language, cache.build) },
    { "cache_files", WORDS, offsetof(struct language, cache.files) },
    { "run_cache_volume_target", TEXT, offsetof(struct language, run_cache.volume_target) },
    { "run_cache_build", WORDS, offsetof(struct language, run_cache.build) },
    { "run_cache_files", WORDS, offsetof(struct language, run_cache.files) },
    FIELD(hello, TEXT),
};

/* Index of value in words; the error lists the legal ones. */
static int read_word(const char *const *words, const json_t *value, int *ret_index, struct err *e)
{
    const char *text = json_string_value(value);
    for (int i = 0; text && words[i]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret_index = i;
            return 0;
        }
    }
    return err_set(e, ERR_SETTING, "must be one of %s %s %s", words[0], words[1],
                   words[2] ? words[2] : "");
}

static int read_words(const json_t *value, bool environment, const char **out, struct err *e)
{
    if (!json_is_array(value) || json_array_size(value) >= LANGUAGE_ARGS_MAX)
        return err_set(e, ERR_SETTING, "must be a list of at most %d texts", LANGUAGE_ARGS_MAX - 1);
    for (size_t i = 0; i < json_array_size(value); i++) {
        out[i] = json_string_value(json_array_get(value, i));
        if (!out[i])
            return err_set(e, ERR_SETTING, "element %zu must be a text", i + 1);
        const char *equals = strchr(out[i], '=');
        if (environment && (!equals || equals == out[i]))
            return err_set(e, ERR_SETTING, "element %zu must be NAME=value", i + 1);
    }
    return 0;
}

static bool is_number(const json_t *value, int64_t min, int64_t max)
{
    return json_is_integer(value) && json_integer_value(value) >= min &&
           json_integer_value(value) <= max;
}

static int read_naming(struct language *language, const json_t *value, struct err *e)
{
    static const char *const namings[] = { "fixed", "java", NULL };
    int index = 0;

    if (read_word(namings, value, &index, e) < 0)
        return -1;
    language->naming = (enum language_naming)index;
    return 0;
}

static int read_collect(struct language *language, const json_t *value, struct err *e)
{
    static const char *const collects[] = { "none", "file", "tree", NULL };
    static const enum agent_collect values[] = { AGENT_COLLECT_NONE, AGENT_COLLECT_FILE,
                                                 AGENT_COLLECT_TREE };
    int index = 0;

    if (read_word(collects, value, &index, e) < 0)
        return -1;
    language->collect = values[index];
    return 0;
}

static int read_language_field(struct language *language, const struct field *f,
                               const json_t *value, struct err *e)
{
    char *at = (char *)language + f->offset;

    switch (f->type) {
    case TEXT:
        if (!json_is_string(value))
            return err_set(e, ERR_SETTING, "must be a text");
        *(const char **)(void *)at = json_string_value(value);
        return 0;
    case WORDS:
    case ENVIRONMENT:
        return read_words(value, f->type == ENVIRONMENT, (const char **)(void *)at, e);
    case FLAG:
        if (!json_is_boolean(value))
            return err_set(e, ERR_SETTING, "must be true or false");
        *(bool *)(void *)at = json_is_true(value);
        return 0;
    case BYTES:
        if (!is_number(value, 0, GIB))
            return err_set(e, ERR_SETTING, "must be a number of bytes, 0 to 1 GiB");
        *(int64_t *)(void *)at = json_integer_value(value);
        return 0;
    case EXIT_CODE:
        if (!is_number(value, 1, 255))
            return err_set(e, ERR_SETTING, "must be an exit code, 1 to 255");
        *(int *)(void *)at = (int)json_integer_value(value);
        return 0;
    case NAMING:
        return read_naming(language, value, e);
    case COLLECT:
        return read_collect(language, value, e);
    }
    return 0;
}

static const struct field *find_field(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

/* A path without empty, "." or ".." components; absolute or not. */
static bool is_clean_path(const char *path, bool absolute)
{
    if ((path[0] == '/') != absolute)
        return false;
    const char *p = path + (absolute ? 1 : 0);
    for (size_t len; *p; p += len + (p[len] == '/')) {
        len = strcspn(p, "/");
        if (len == 0 || len > LANGUAGE_NAME_MAX || (len == 1 && p[0] == '.') ||
            (len == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        if (p[len] == '/' && !p[len + 1])
            return false;
    }
    return path[absolute ? 1 : 0] != '\0';
}

static bool is_empty(const char *text) { return !text || !text[0]; }

static bool has_empty(const char *const *texts)
{
    while (*texts && **texts)
        texts++;
    return *texts != NULL;
}

/* Text must follow a *. */
static bool has_open_end(const char *const *texts)
{
    while (*texts && !(strchr(*texts, '*') && strchr(*texts, '*')[1] == '\0'))
        texts++;
    return *texts != NULL;
}

/* Names of files that a cell can be given. */
static bool are_file_names(const char *const *names)
{
    size_t len = 0;
    while (names[len] && !strchr(names[len], '/') && is_clean_path(names[len], false))
        len++;
    return !names[len] && len <= AGENT_FILES_MAX;
}

static bool is_wrong_target(const struct language_cache *c)
{
    return c->volume_target && !is_clean_path(c->volume_target, true);
}

static bool is_half(const struct language_cache *c)
{
    return !c->volume_target != !c->build[0] || (c->files[0] && !c->build[0]);
}

/* Checks rules over several fields. Returns the field that is wrong and why, or NULL. */
static const char *find_wrong_field(const struct language *language, const char **ret_why)
{
    bool builds = language->build[0] != NULL;
    const struct {
        bool wrong;
        const char *field, *why;
    } rules[] = {
        { is_empty(language->run_image), "run_image", "is required" },
        { is_empty(language->hello), "hello", "is required: the self-test runs it" },
        { !language->run[0], "run", "is required" },
        { !is_clean_path(language->workdir, true), "workdir", "must be an absolute path" },
        { !language->source_name || !language->source_name[0] ||
              strchr(language->source_name, '/') || !is_clean_path(language->source_name, false),
          "source_name", "must be a file name" },
        { builds && is_empty(language->image), "image", "is required, since `build` is there" },
        { !builds && language->image, "build", "is required, since `image` is there" },
        { builds && language->collect == AGENT_COLLECT_NONE, "collect", "must be file or tree" },
        { !builds && language->collect != AGENT_COLLECT_NONE, "collect", "needs `build`" },
        { builds && (!language->artefact || !is_clean_path(language->artefact, false)), "artefact",
          "must be a path below the work directory" },
        { language->compile_server[0] && !builds, "compile_server", "needs `build`" },
        { !builds && language->warm_build[0], "warm_build", "needs `build`" },
        { !builds && language->cache.build[0], "cache_build", "needs `build`" },
        { is_wrong_target(&language->cache), "cache_volume_target", "must be an absolute path" },
        { is_half(&language->cache), "cache_build", "and cache_volume_target need each other" },
        { !are_file_names(language->cache.files), "cache_files", "must be at most 8 file names" },
        { is_wrong_target(&language->run_cache), "run_cache_volume_target",
          "must be an absolute path" },
        { is_half(&language->run_cache), "run_cache_build",
          "and run_cache_volume_target need each other" },
        { !are_file_names(language->run_cache.files), "run_cache_files",
          "must be at most 8 file names" },
        { language->oom_text && !language->oom_text[0], "oom_text", "must not be empty" },
        { language->oom_before[0] && !language->oom_text, "oom_before", "needs `oom_text`" },
        { has_empty(language->oom_before), "oom_before", "must hold no empty text" },
        { has_open_end(language->oom_before), "oom_before", "must have a text behind the *" },
        { has_empty(language->heap_limit_text), "heap_limit_text", "must hold no empty text" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].wrong) {
            *ret_why = rules[i].why;
            return rules[i].field;
        }
    }
    return NULL;
}

static bool is_language_name(const char *name, size_t len)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyz0123456789_+-.#";
    return len > 0 && len < 64 && strspn(name, legal) >= len;
}

static int read_row_fields(json_t *json, struct language *language, struct err *e)
{
    const char *key, *why = "";
    json_t *value;

    json_object_foreach(json, key, value)
    {
        const struct field *f = find_field(key);
        if (!f)
            return err_set(e, ERR_SETTING, "field '%.60s': there is no such field", key);
        if (!json_is_null(value) && read_language_field(language, f, value, e) < 0)
            return err_wrap(e, "field '%s'", key);
    }
    const char *wrong = find_wrong_field(language, &why);
    return wrong ? err_set(e, ERR_SETTING, "field '%s': %s", wrong, why) : 0;
}

/* On success *ret_language borrows from json, to which the name is added. */
static int read_object(json_t *json, const char *file, size_t stem, struct language *ret_language,
                       struct err *e)
{
    struct language language = { .workdir = "/tmp",
                                 .collect = AGENT_COLLECT_NONE,
                                 .check_exit_code = 1 };

    if (!json_is_object(json))
        return err_set(e, ERR_SETTING, "must be a JSON object");
    if (read_row_fields(json, &language, e) < 0)
        return -1;
    if (language.name && (strlen(language.name) != stem || strncmp(language.name, file, stem) != 0))
        return err_set(e, ERR_SETTING, "field 'name': must be the file's name, or absent");
    json_t *name = json_stringn(file, stem);
    if (!name || json_object_set_new(json, "name", name) < 0)
        return err_set(e, ERR_NOMEM, "a language");
    language.name = json_string_value(name);
    if (!language.title)
        language.title = language.name;
    *ret_language = language;
    return 0;
}

/* Takes json; NULL: `error` holds the reason. */
static int make_row(json_t *taken, const json_error_t *error, const char *file,
                    struct language *ret_language, json_t **ret_json, struct err *e)
{
    json_auto_t *json = taken;
    const char *dot = strrchr(file, '.');
    size_t stem = dot ? (size_t)(dot - file) : strlen(file);

    if (!is_language_name(file, stem))
        return err_set(e, ERR_SETTING, "a language is named with a-z 0-9 _ + - . #");
    if (!json)
        return err_set(e, ERR_SETTING, "line %d: %s", error->line, error->text);
    if (read_object(json, file, stem, ret_language, e) < 0)
        return -1;
    *ret_json = json_incref(json);
    return 0;
}

int language_file_parse(const char *file, const char *text, size_t len,
                        struct language *ret_language, json_t **ret_json, struct err *e)
{
    json_error_t error;
    return make_row(json_loadb(text, len, JSON_REJECT_DUPLICATES, &error), &error, file,
                    ret_language, ret_json, e);
}

int language_file_read(const char *dir, const char *file, struct language *ret_language,
                       json_t **ret_json, struct err *e)
{
    char path[4096];
    json_error_t error;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, file) >= sizeof path)
        return err_set(e, ERR_SETTING, "%s: the path is too long", dir);
    if (make_row(json_load_file(path, JSON_REJECT_DUPLICATES, &error), &error, file, ret_language,
                 ret_json, e) < 0)
        return err_wrap(e, "%s", path);
    return 0;
}
