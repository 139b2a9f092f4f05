#include "engine/language/language.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/language/language_java.h"
#include "schema/base/err.h"

size_t language_stem(const struct language *language)
{
    const char *dot = strrchr(language->source_name, '.');
    return dot ? (size_t)(dot - language->source_name) : strlen(language->source_name);
}

/* Can the class name be a file name? javac reads "<name>.java" and writes "<name>.class". */
static bool usable_class_name(const struct language_java_type *t, const char *suffix)
{
    size_t longest = strlen(suffix) > strlen(".class") ? strlen(suffix) : strlen(".class");
    return t->name_len + longest <= LANGUAGE_NAME_MAX;
}

/* Names the file after the first public type, as javac requires; unchanged when there is none. */
static int name_java_source(const char *source, size_t len, const char *suffix,
                            struct language_variables *variables, const char **ret_why,
                            struct err *e)
{
    CLEANUP(language_java_close) struct language_java_source s = { .decoded = NULL };
    struct language_java_type type;

    if (language_java_open(source, len, &s, e) < 0)
        return -1;
    bool found = false;
    while (!found && language_java_next(&s, &type))
        found = type.is_public;
    if (found && !usable_class_name(&type, suffix)) {
        *ret_why = "scrc: the name of the public class cannot be a file name";
        variables->source[0] = variables->main[0] = '\0';
    } else if (found) {
        (void)snprintf(variables->source, sizeof variables->source, "%.*s%s", (int)type.name_len,
                       type.name, suffix);
        (void)snprintf(variables->main, sizeof variables->main, "%.*s", (int)type.name_len,
                       type.name);
    }
    return 0;
}

void language_keep_name(const char *name, struct language_variables *ret_variables)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash : name, '.');
    size_t stem = dot ? (size_t)(dot - name) : strlen(name);
    struct language_variables variables = { .memory_mib = 0 };

    (void)snprintf(variables.source, sizeof variables.source, "%s", name);
    (void)snprintf(variables.main, sizeof variables.main, "%.*s", (int)stem, name);
    *ret_variables = variables;
}

int language_name_source(const struct language *language, const char *source, size_t len,
                         struct language_variables *ret_variables, const char **ret_why,
                         struct err *e)
{
    struct language_variables variables;
    size_t stem = language_stem(language);

    *ret_why = NULL;
    language_keep_name(language->source_name, &variables);
    if (language->naming == LANGUAGE_NAMING_JAVA &&
        name_java_source(source, len, language->source_name + stem, &variables, ret_why, e) < 0)
        return -1;
    *ret_variables = variables;
    return 0;
}

static bool same_name(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");
    return len == strcspn(b, "=") && memcmp(a, b, len) == 0;
}

int language_environment(const char *const own[LANGUAGE_ARGS_MAX], const char *path,
                         char ***ret_env, struct err *e)
{
    const char *all[LANGUAGE_ARGS_MAX + 2];
    size_t len = 0, kept = 0, size = (ARRAY_LEN(all) + 1) * sizeof(char *);
    char **env = calloc(1, size + strlen(path) + 1);
    if (!env)
        return err_set(e, ERR_NOMEM, "an environment");

    all[len++] = memcpy((char *)env + size, path, strlen(path) + 1);
    all[len++] = "LANG=C.UTF-8";
    for (size_t i = 0; i < LANGUAGE_ARGS_MAX && own[i]; i++)
        all[len++] = own[i];
    for (size_t i = 0; i < len; i++) {
        size_t later = i + 1;
        while (later < len && !same_name(all[i], all[later]))
            later++;
        if (later == len)
            env[kept++] = (char *)(uintptr_t)all[i];
    }
    *ret_env = env;
    return 0;
}

struct numbers {
    char memory[24], stack[24], build_memory[24];
};

/* Writes one element with its variables filled in; out NULL: only counts. Returns its length. */
static size_t fill_element(const char *text, const struct language_variables *variables,
                           const struct numbers *numbers, char *out)
{
    const struct {
        const char *name, *value;
    } placeholders[] = { { "{source}", variables->source },
                         { "{main}", variables->main },
                         { "{memory_mib}", numbers->memory },
                         { "{stack_mib}", numbers->stack },
                         { "{build_memory_mib}", numbers->build_memory } };
    size_t n = 0;

    while (*text) {
        const char *piece = text;
        size_t piece_len = 1, used = 1;
        for (size_t i = 0; i < ARRAY_LEN(placeholders); i++) {
            size_t name_len = strlen(placeholders[i].name);
            if (strncmp(text, placeholders[i].name, name_len) != 0)
                continue;
            piece = placeholders[i].value;
            piece_len = strlen(piece);
            used = name_len;
        }
        if (out)
            memcpy(out + n, piece, piece_len);
        n += piece_len;
        text += used;
    }
    return n;
}

int language_expand(const char *const *argv, const struct language_variables *variables,
                    char ***ret_argv, struct err *e)
{
    struct numbers numbers;
    size_t len = 0, bytes = 0;

    (void)snprintf(numbers.memory, sizeof numbers.memory, "%" PRId64, variables->memory_mib);
    (void)snprintf(numbers.build_memory, sizeof numbers.build_memory, "%" PRId64,
                   variables->build_memory_mib);
    (void)snprintf(numbers.stack, sizeof numbers.stack, "%" PRId64, variables->stack_mib);
    for (; argv[len]; len++)
        bytes += fill_element(argv[len], variables, &numbers, NULL) + 1;

    char **all = malloc((len + 1) * sizeof *all + bytes);
    if (!all)
        return err_set(e, ERR_NOMEM, "a command line of %zu words", len);
    char *text = (char *)(all + len + 1);
    for (size_t i = 0; i < len; i++) {
        all[i] = text;
        text += fill_element(argv[i], variables, &numbers, text);
        *text++ = '\0';
    }
    all[len] = NULL;
    *ret_argv = all;
    return 0;
}

static bool starts_with(const char *line, const char *end, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(end - line) >= len && memcmp(line, text, len) == 0;
}

/* Does the line start with text as a whole word? "MemoryErrors" is not "MemoryError". */
static bool starts_with_word(const char *line, const char *end, const char *text)
{
    const char *behind = line + strlen(text);
    return starts_with(line, end, text) &&
           (behind == end || (!isalnum((unsigned char)*behind) && *behind != '_'));
}

/* Does the line start with `before`, directly followed by text? The first * in `before` stands
 * for any text. */
static bool has_text_behind(const char *line, const char *end, const char *before, const char *text)
{
    const char *star = strchr(before, '*'), *tail = star ? star + 1 : "";
    size_t head = star ? (size_t)(star - before) : strlen(before), tail_len = strlen(tail);

    if ((size_t)(end - line) < head || memcmp(line, before, head) != 0)
        return false;
    if (!star)
        return starts_with_word(line + head, end, text);
    for (const char *p = line + head; (p = memmem(p, (size_t)(end - p), tail, tail_len)); p++)
        if (starts_with_word(p + tail_len, end, text))
            return true;
    return false;
}

static bool is_oom_line(const struct language *language, const char *line, const char *end)
{
    if (starts_with_word(line, end, language->oom_text))
        return true;
    for (size_t i = 0; language->oom_before[i]; i++)
        if (has_text_behind(line, end, language->oom_before[i], language->oom_text))
            return true;
    return false;
}

/* The last line that is neither empty nor indented, as the lines of a stack trace are; NULL:
 * none. */
static const char *last_line(const char *text, size_t len, const char **ret_end)
{
    const char *end = text + len;

    for (;;) {
        const char *newline = memrchr(text, '\n', (size_t)(end - text));
        const char *line = newline ? newline + 1 : text;
        if (line < end && !isspace((unsigned char)*line)) {
            *ret_end = end;
            return line;
        }
        if (!newline)
            return NULL;
        end = newline;
    }
}

bool language_out_of_memory(const struct language *language, const char *stderr_, size_t len,
                            bool near_limit)
{
    const char *end, *line = last_line(stderr_, len, &end);

    if (!line)
        return false;
    for (size_t i = 0; language->heap_limit_text[i]; i++)
        if (memmem(line, (size_t)(end - line), language->heap_limit_text[i],
                   strlen(language->heap_limit_text[i])))
            return true;
    return near_limit && language->oom_text && is_oom_line(language, line, end);
}
