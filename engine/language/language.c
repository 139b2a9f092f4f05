#include "engine/language/language.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/language/language_java.h"
#include "schema/base/err.h"

size_t language_stem(const struct language *row)
{
    const char *dot = strrchr(row->source_name, '.');
    return dot ? (size_t)(dot - row->source_name) : strlen(row->source_name);
}

/* As a file name: javac needs "<name>.java" and writes "<name>.class". */
static bool usable_class_name(const struct language_java_type *t, const char *suffix)
{
    size_t longest = strlen(suffix) > strlen(".class") ? strlen(suffix) : strlen(".class");
    return t->name_len + longest <= LANGUAGE_NAME_MAX;
}

/* After the first public type, since javac insists; unchanged when there is none. */
static int name_java(const char *source, size_t len, const char *suffix,
                     struct language_variables *w, const char **ret_why, struct err *e)
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
        w->source[0] = w->main[0] = '\0';
    } else if (found) {
        (void)snprintf(w->source, sizeof w->source, "%.*s%s", (int)type.name_len, type.name,
                       suffix);
        (void)snprintf(w->main, sizeof w->main, "%.*s", (int)type.name_len, type.name);
    }
    return 0;
}

void language_keep_name(const char *name, struct language_variables *ret_words)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash : name, '.');
    size_t stem = dot ? (size_t)(dot - name) : strlen(name);
    struct language_variables w = { .memory_mib = 0 };

    (void)snprintf(w.source, sizeof w.source, "%s", name);
    (void)snprintf(w.main, sizeof w.main, "%.*s", (int)stem, name);
    *ret_words = w;
}

int language_name_source(const struct language *row, const char *source, size_t len,
                         struct language_variables *ret_words, const char **ret_why, struct err *e)
{
    struct language_variables w;
    size_t stem = language_stem(row);

    *ret_why = NULL;
    language_keep_name(row->source_name, &w);
    if (row->naming == LANGUAGE_NAMING_JAVA &&
        name_java(source, len, row->source_name + stem, &w, ret_why, e) < 0)
        return -1;
    *ret_words = w;
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

/* Writes one element with its words filled in; out NULL: only counts. Returns its length. */
static size_t fill(const char *text, const struct language_variables *w,
                   const struct numbers *numbers, char *out)
{
    const struct {
        const char *word, *value;
    } words[] = { { "{source}", w->source },
                  { "{main}", w->main },
                  { "{memory_mib}", numbers->memory },
                  { "{stack_mib}", numbers->stack },
                  { "{build_memory_mib}", numbers->build_memory } };
    size_t n = 0;

    while (*text) {
        const char *piece = text;
        size_t piece_len = 1, eaten = 1;
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
            size_t word_len = strlen(words[i].word);
            if (strncmp(text, words[i].word, word_len) != 0)
                continue;
            piece = words[i].value;
            piece_len = strlen(piece);
            eaten = word_len;
        }
        if (out)
            memcpy(out + n, piece, piece_len);
        n += piece_len;
        text += eaten;
    }
    return n;
}

int language_expand(const char *const *argv, const struct language_variables *words,
                    char ***ret_argv, struct err *e)
{
    struct numbers numbers;
    size_t len = 0, bytes = 0;

    (void)snprintf(numbers.memory, sizeof numbers.memory, "%" PRId64, words->memory_mib);
    (void)snprintf(numbers.build_memory, sizeof numbers.build_memory, "%" PRId64,
                   words->build_memory_mib);
    (void)snprintf(numbers.stack, sizeof numbers.stack, "%" PRId64, words->stack_mib);
    for (; argv[len]; len++)
        bytes += fill(argv[len], words, &numbers, NULL) + 1;

    char **all = malloc((len + 1) * sizeof *all + bytes);
    if (!all)
        return err_set(e, ERR_NOMEM, "a command line of %zu words", len);
    char *text = (char *)(all + len + 1);
    for (size_t i = 0; i < len; i++) {
        all[i] = text;
        text += fill(argv[i], words, &numbers, text);
        *text++ = '\0';
    }
    all[len] = NULL;
    *ret_argv = all;
    return 0;
}

static bool starts(const char *line, const char *end, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(end - line) >= len && memcmp(line, text, len) == 0;
}

/* text as a whole word: "MemoryErrors" is not "MemoryError". */
static bool starts_with_word(const char *line, const char *end, const char *text)
{
    const char *behind = line + strlen(text);
    return starts(line, end, text) &&
           (behind == end || (!isalnum((unsigned char)*behind) && *behind != '_'));
}

/* text behind `before`, with which the line begins; the first * in it stands for anything. */
static bool says_behind(const char *line, const char *end, const char *before, const char *text)
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

static bool line_says(const struct language *row, const char *line, const char *end)
{
    if (starts_with_word(line, end, row->oom_text))
        return true;
    for (size_t i = 0; row->oom_before[i]; i++)
        if (says_behind(line, end, row->oom_before[i], row->oom_text))
            return true;
    return false;
}

/* The last line of text that is neither empty nor indented, as places of a stack trace are. */
static const char *last_word(const char *text, size_t len, const char **ret_end)
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

bool language_out_of_memory(const struct language *row, const char *stderr_, size_t len,
                            bool near_limit)
{
    const char *end, *line = last_word(stderr_, len, &end);

    if (!line)
        return false;
    for (size_t i = 0; row->heap_limit_text[i]; i++)
        if (memmem(line, (size_t)(end - line), row->heap_limit_text[i],
                   strlen(row->heap_limit_text[i])))
            return true;
    return near_limit && row->oom_text && line_says(row, line, end);
}
