/* Any bytes as a language file: refused with a reason, or a usable language. */
#include <string.h>

#include "engine/language/language.h"
#include "engine/language/language_file.h"
#include "schema/base/err.h"
#include "tests/fuzz/fuzz.h"

static void expand(const char *const *argv, const struct language_variables *variables)
{
    char **out;
    struct err e;
    size_t n = 0;

    MUST(language_expand(argv, variables, &out, &e) == 0);
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

static void use(const struct language *language, const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *why;
    struct language_variables variables;
    struct err e;

    MUST(strcmp(language->name, "own") == 0 && language->title && language->run_image[0] &&
         language->hello[0]);
    MUST(language->workdir[0] == '/' && language->source_name[0] && language->run[0]);
    MUST(!language->build[0] == !language->image &&
         (language->collect == AGENT_COLLECT_NONE) == !language->image);
    MUST(language_name_source(language, text, size, &variables, &why, &e) == 0);
    MUST(why || (variables.source[0] && !strchr(variables.source, '/')));
    variables.memory_mib = variables.stack_mib = INT64_MAX;
    expand(language->build, &variables);
    expand(language->run, &variables);
    expand(language->check, &variables);
    expand(language->version, &variables);
    expand(language->warm_build, &variables);
    expand(language->warm_run, &variables);
    make_environment(language->build_env);
    make_environment(language->run_env);
    bool by_words = language_out_of_memory(language, text, size, false);
    MUST(!by_words || language_out_of_memory(language, text, size, true));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct language language;
    json_t *json = NULL;
    struct err e = { .kind = ERR_NONE };

    if (language_file_parse("own.json", (const char *)data, size, &language, &json, &e) == 0) {
        use(&language, data, size);
        json_decref(json);
    } else {
        MUST(e.kind == ERR_SETTING && e.msg[0] && !json);
    }
    return 0;
}
