/* Any environment as settings, a variable a line: never a crash, a refusal says which setting and
 * why, and what is accepted is shown in words that mean the same. */
#include <string.h>

#include "schema/base/err.h"
#include "server/config.h"
#include "tests/fuzz/fuzz.h"

#define VARIABLES_MAX 200
#define SETTINGS_MAX  200

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/* Cuts the lines apart; NULL behind the last. */
static void cut(char *text, char *variables[VARIABLES_MAX + 1])
{
    size_t n = 0;
    char *line;

    while (n < VARIABLES_MAX && (line = strsep(&text, "\n")))
        variables[n++] = line;
    variables[n] = NULL;
}

static bool is_a_setting(const char *name)
{
    for (size_t i = 0; config_name(i); i++) {
        if (strcmp(config_name(i), name) == 0)
            return true;
    }
    return false;
}

/* Not settings, but refused with their reason. */
static const char *const refused[] = { "API_TOKENS_FILE", "DATA_SLOTS" };

static bool is_refused(const char *name)
{
    return strcmp(name, refused[0]) == 0 || strcmp(name, refused[1]) == 0;
}

/* A suggestion is a name that helps: another one, and known, or refused with its reason. */
static void must_help(void *ctx, const char *name, const char *meant)
{
    (void)ctx;
    MUST(strcmp(name, meant) != 0);
    MUST(is_a_setting(meant) || is_refused(meant));
    MUST(!is_a_setting(name));
}

static bool names_a_setting(const char *message)
{
    for (size_t i = 0; config_name(i); i++) {
        if (strstr(message, config_name(i)))
            return true;
    }
    return strstr(message, refused[0]) || strstr(message, refused[1]);
}

/* What can be shown whole, as an environment. */
static void write_shown(const struct config *c, char *variables[SETTINGS_MAX + 1])
{
    struct config_shown x;
    size_t n = 0;

    for (size_t i = 0; config_show(c, i, &x); i++) {
        MUST(n < SETTINGS_MAX && memchr(x.value, '\0', sizeof x.value));
        if (!x.has_value || strcmp(x.value, "***") == 0 || strlen(x.value) + 1 == sizeof x.value)
            continue;
        MUST(asprintf(&variables[n++], "%s=%s", x.name, x.value) > 0);
    }
    variables[n] = NULL;
}

static void must_mean_the_same(const struct config *c)
{
    char *shown[SETTINGS_MAX + 1], *again[SETTINGS_MAX + 1];
    struct config back;
    struct err e;

    write_shown(c, shown);
    MUST(config_load(shown, &back, &e) == 0);
    write_shown(&back, again);
    for (size_t i = 0; shown[i] || again[i]; i++) {
        MUST(shown[i] && again[i] && strcmp(shown[i], again[i]) == 0);
        free(shown[i]);
        free(again[i]);
    }
    config_clear(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *variables[VARIABLES_MAX + 1], *text = malloc(size + 1);
    struct config c;
    struct err e = { .kind = ERR_NONE };

    MUST(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    cut(text, variables);
    if (config_load(variables, &c, &e) == 0) {
        must_mean_the_same(&c);
        config_clear(&c);
    } else {
        MUST(e.kind == ERR_SETTING && names_a_setting(e.msg));
    }
    config_near_misses(variables, must_help, NULL);
    free(text);
    return 0;
}
