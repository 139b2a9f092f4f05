/* Any bytes as a language file: refused with a reason, or a row that can be used. */
#include <string.h>

#include "engine/language/language.h"
#include "engine/language/language_file.h"
#include "schema/base/err.h"
#include "tests/fuzz/fuzz.h"

static void expand(const char *const *argv, const struct language_variables *words)
{
    char **out;
    struct err e;
    size_t n = 0;

    MUST(language_expand(argv, words, &out, &e) == 0);
    while (out[n])
        n++;
    for (size_t i = 0; i <= n; i++)
        MUST((argv[i] == NULL) == (out[i] == NULL));
    MUST(n < LANGUAGE_ARGS_MAX);
    free(out);
}

/* Each name once. */
static void make_environment(const char *const *own)
{
    char **env;
    struct err e;

    MUST(language_environment(own, "PATH=/bin", &env, &e) == 0);
    for (size_t i = 0; env[i]; i++) {
        size_t len = strcspn(env[i], "=");
        MUST(len > 0 && env[i][len] == '=');
        for (size_t k = i + 1; env[k]; k++)
            MUST(strncmp(env[i], env[k], len + 1) != 0);
    }
    free(env);
}

static void use(const struct language *row, const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *why;
    struct language_variables words;
    struct err e;

    MUST(strcmp(row->name, "own") == 0 && row->title && row->run_image[0] && row->hello[0]);
    MUST(row->workdir[0] == '/' && row->source_name[0] && row->run[0]);
    MUST(!row->build[0] == !row->image && (row->collect == AGENT_COLLECT_NONE) == !row->image);
    MUST(language_name_source(row, text, size, &words, &why, &e) == 0);
    MUST(why || (words.source[0] && !strchr(words.source, '/')));
    words.memory_mib = words.stack_mib = INT64_MAX;
    expand(row->build, &words);
    expand(row->run, &words);
    expand(row->check, &words);
    expand(row->version, &words);
    expand(row->cache_build, &words);
    make_environment(row->build_env);
    make_environment(row->run_env);
    bool by_words = language_out_of_memory(row, text, size, false);
    MUST(!by_words || language_out_of_memory(row, text, size, true));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct language row;
    json_t *json = NULL;
    struct err e = { .kind = ERR_NONE };

    if (language_file_parse("own.json", (const char *)data, size, &row, &json, &e) == 0) {
        use(&row, data, size);
        json_decref(json);
    } else {
        MUST(e.kind == ERR_SETTING && e.msg[0] && !json);
    }
    return 0;
}
