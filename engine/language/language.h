/* engine/language/language.h - languages are data: a row of a table says how to build and run.
 *
 * Built-ins: python go c cpp java (builtin/NAME.json). LANGUAGES_DIR/NAME.json, which has the same
 * form, adds or replaces a language.
 *
 * Room     engine/language: the language table and its files, and what is special for Java.
 *          May know schema/base and agent/protocol.h.
 * Threads  the table is built at start and immutable after.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/agent/protocol.h"
#include "schema/base/base.h"

struct err;

#define LANGUAGE_ARGS_MAX 24
#define LANGUAGES_MAX     64

/* What commands of a language need and is made once for each image: a command that fills a volume,
 * which cells of that image then see read-only. */
struct language_cache {
    const char *volume_target;            /* NULL, or the path of the volume in a cell */
    const char *build[LANGUAGE_ARGS_MAX]; /* runs in a cell that may write there, at every start.
                                             The last line of its stdout says what it has made. It
                                             fails when what is there is damaged: then the volume is
                                             made anew. */
    const char *files[LANGUAGE_ARGS_MAX]; /* that command finds these in the work directory... */
    const char *texts[LANGUAGE_ARGS_MAX]; /* ...with these contents, one for each */
};

/* Elements of a command may hold variables: {source} (file name of the source), {main} (its
 * stem; with naming JAVA the class to start), {memory_mib} (the memory limit), {stack_mib} (the
 * same, at most 1 GiB) and {build_memory_mib} (BUILD_MEMORY_LIMIT). A program does not see its
 * cgroup, so a runtime that adapts to its limits needs them as arguments. */
struct language {
    const char *name;  /* "cpp" */
    const char *title; /* "C++" */
    const char *image; /* build image; NULL: nothing is built */
    const char *run_image;
    const char *workdir;
    const char
        *source_name; /* "main.cpp"; with naming JAVA the public class decides, if there is one */
    enum language_naming { LANGUAGE_NAMING_FIXED, LANGUAGE_NAMING_JAVA } naming;
    enum agent_collect collect;           /* what the build makes: one ELF file or a tree... */
    const char *build[LANGUAGE_ARGS_MAX]; /* NULL-terminated; empty when nothing is built */
    /* Tried before `build`, and its failures and messages count for nothing: `build` follows. Makes
     * what `build` makes. Empty: none. */
    const char *warm_build[LANGUAGE_ARGS_MAX];
    const char *artefact; /* ...of this name below workdir */
    /* A program that stays in a build cell and does what `build` does (compile_server.h); empty:
     * none. Of the variables it has {build_memory_mib} alone. */
    const char *compile_server[LANGUAGE_ARGS_MAX];
    const char *run[LANGUAGE_ARGS_MAX];      /* FILE artefacts: argv for execveat of the artefact */
    const char *warm_run[LANGUAGE_ARGS_MAX]; /* instead of `run` where hello runs with it */
    const char
        *check[LANGUAGE_ARGS_MAX]; /* run after a first run that exited with check_exit_code; if it
                                      fails, the source has a syntax error (BF); empty: none */
    int check_exit_code;           /* exit code of the runtime for a syntax error; 1 to 255 */
    /* Added to PATH of the image and LANG=C.UTF-8; entries of the same name here replace these. */
    const char *build_env[LANGUAGE_ARGS_MAX], *run_env[LANGUAGE_ARGS_MAX];
    const char *version[LANGUAGE_ARGS_MAX]; /* prints the compiler's or runtime's version line */
    /* How a runtime reports in a failed run that it had no memory left. Only the last line of
     * stderr that is not indented is read. heap_limit_text, anywhere in it, means that a limit
     * was passed which `run` sets from the memory limit. oom_text, at its start or directly
     * behind one of oom_before, counts only when the memory limit was nearly reached: a runtime
     * has this error for other causes too, and a program can raise it. NULL: none. */
    const char *oom_text, *heap_limit_text[LANGUAGE_ARGS_MAX];
    const char *oom_before[LANGUAGE_ARGS_MAX]; /* the first * stands for any text */
    int64_t
        memory_overhead; /* bytes of a cell above the memory limit; 0: measured by the self-test */
    bool strict_memory;  /* memory_bytes above the limit is ML even if nothing was killed */
    struct language_cache cache;     /* of the build image, for `build` and `warm_build` */
    struct language_cache run_cache; /* of the run image, for `warm_run`; programs can read it */
    const char
        *hello; /* for the self-test: this source prints LANGUAGE_HELLO_OUTPUT, without input */
};
#define LANGUAGE_HELLO_OUTPUT "scrc\n"

struct language_table {
    struct language *rows; /* owned */
    size_t len;
    void *arena; /* owned: a JSON array with the strings of the rows */
};

/* Settings that override a built-in row, as {PREFIX}_IMAGE, {PREFIX}_RUN_IMAGE,
 * {PREFIX}_WORKDIR; NULL changes nothing. Borrowed for language_table_open(). */
struct language_override {
    const char *name, *image, *run_image, *workdir;
};

/* Keeps only the named languages ("python, c"), in the order of the table. ERR_SETTING: one does
 * not exist, or none is named. To be called before anything borrows a row. */
NODISCARD int language_table_choose(struct language_table *l, const char *names, struct err *e);

/* Reads the built-ins, and the files of dir unless it is NULL. ERR_SETTING names the file and
 * the field that is wrong. The caller owns *ret_languages. */
NODISCARD int language_table_open(const char *dir, const struct language_override *overrides,
                                  size_t overrides_len, struct language_table **ret_languages,
                                  struct err *e);
struct language_table *language_table_free(struct language_table *l);

/* Values of the variables in a command, for one submission. */
#define LANGUAGE_NAME_MAX 255 /* bytes of a file name that we choose */
struct language_variables {
    char source[AGENT_ARCHIVE_NAME_MAX + 1]; /* file name of the source */
    /* The stem of that; with naming JAVA, after the build, the class to start. */
    char main[AGENT_ARCHIVE_NAME_MAX + 1];
    int64_t memory_mib, stack_mib, build_memory_mib;
};

/* Length of source_name without its extension, in bytes. */
size_t language_stem(const struct language *language);

/* Names the file of this source. *ret_why: NULL, or a line for the build log (static): the
 * source requires an impossible file name, and *ret_variables holds no names. ERR_NOMEM. */
NODISCARD int language_name_source(const struct language *language, const char *source, size_t len,
                                   struct language_variables *ret_variables, const char **ret_why,
                                   struct err *e);

/* Keeps the name of a source file (at most AGENT_ARCHIVE_NAME_MAX bytes). */
void language_keep_name(const char *name, struct language_variables *ret_variables);

/* Makes the environment of a language's commands: path ("PATH=...", copied) and LANG=C.UTF-8,
 * then `own` (borrowed); of several entries with one name the last is kept. Caller owns
 * *ret_env: one free(). */
NODISCARD int language_environment(const char *const own[LANGUAGE_ARGS_MAX], const char *path,
                                   char ***ret_env, struct err *e);

/* Fills in the variables of a command. Caller owns *ret_argv: one free() releases all of it. */
NODISCARD int language_expand(const char *const *argv, const struct language_variables *variables,
                              char ***ret_argv, struct err *e);

/* True when stderr of a failed run says that the runtime had no memory left. near_limit: the run
 * had nearly used its limit. */
bool language_out_of_memory(const struct language *language, const char *stderr_, size_t len,
                            bool near_limit);

/* NULL when there is no such language. Borrowed from the table. */
const struct language *language_table_find(const struct language_table *l, const char *name);
