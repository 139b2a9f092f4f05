/* engine/language/language.h - languages are data: one row says how to build and run.
 *
 * Built-ins: python go c cpp java (builtin/NAME.json). LANGUAGES_DIR/NAME.json, which has the same
 * form, adds or replaces rows.
 *
 * Room     engine/language: the language table and its files, and what is Java's own.
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

/* argv elements may hold {source} (the source's file name), {main} (its stem; with naming JAVA the
 * class to begin with), {memory_mib} (the memory limit), {stack_mib} (the same, at most 1 GiB) and
 * {build_memory_mib} (BUILD_MEMORY_LIMIT). No program sees its cgroup, so a runtime that sizes
 * itself by its limits is told them. */
struct language {
    const char *name;  /* "cpp" */
    const char *title; /* "C++" */
    const char *image; /* build image; NULL: nothing is built */
    const char *run_image;
    const char *workdir;
    const char *source_name; /* "main.cpp"; with naming JAVA: its public class decides, if any */
    enum language_naming { LANGUAGE_NAMING_FIXED, LANGUAGE_NAMING_JAVA } naming;
    enum agent_collect collect;           /* what the build leaves: one ELF file or a tree... */
    const char *build[LANGUAGE_ARGS_MAX]; /* NULL-terminated; empty when nothing is built */
    const char *artefact;                 /* ...of this name below workdir */
    const char *run[LANGUAGE_ARGS_MAX];   /* FILE artefacts: argv for execveat of the artefact */
    const char *check[LANGUAGE_ARGS_MAX]; /* syntax check after a first run that failed with
                                             check_exit_code: a failure makes it BF; empty: none */
    int check_exit_code;                  /* what the runtime ends with for no program; 1 to 255 */
    /* Beside the image's PATH and LANG=C.UTF-8, which give way to those of the same name here. */
    const char *build_env[LANGUAGE_ARGS_MAX], *run_env[LANGUAGE_ARGS_MAX];
    const char *version[LANGUAGE_ARGS_MAX]; /* prints the compiler's or runtime's version line */
    /* How the runtime of a failed run says that it had no memory left, in its last word: the last
     * line of stderr that is not indented. heap_limit_text, anywhere in it, says that a limit was
     * met that `run` has set from the memory limit. oom_text, at its beginning or behind one of
     * oom_before, counts only when the memory limit was nearly used: a runtime has that error for
     * much else, and a program can raise it. NULL: none. */
    const char *oom_text, *heap_limit_text[LANGUAGE_ARGS_MAX];
    const char *oom_before[LANGUAGE_ARGS_MAX]; /* the first * in one stands for any text */
    int64_t allowance;  /* bytes above the limit; 0: measured by the self-test */
    bool strict_memory; /* memory_bytes above the limit is ML even if nothing was killed */
    const char *cache_volume_target; /* NULL, or where build cells see a cache that is made once per
                                        image by running cache_build in a cell that may write it */
    const char *cache_build[LANGUAGE_ARGS_MAX];
    const char *hello; /* self-test: this source, without input, must print hello_output */
};
#define LANGUAGE_HELLO_OUTPUT "scrc\n"

struct language_table {
    struct language *rows; /* owned */
    size_t len;
    void *arena; /* owned: the strings of the rows */
};

/* Settings that override a built-in row, as {PREFIX}_IMAGE, {PREFIX}_RUN_IMAGE, {PREFIX}_WORKDIR;
 * NULL keeps the row's. Borrowed for language_table_open(). */
struct language_override {
    const char *name, *image, *run_image, *workdir;
};

/* Leaves those that are named ("python, c"), in the table's order. ERR_SETTING: one is not there,
 * or none is named. Before anybody borrows a row. */
NODISCARD int language_table_choose(struct language_table *l, const char *names, struct err *e);

/* dir NULL: built-ins alone. ERR_SETTING names the file and the field that is wrong. */
NODISCARD int language_table_open(const char *dir, const struct language_override *overrides,
                                  size_t overrides_len, struct language_table **ret_languages,
                                  struct err *e);
struct language_table *language_table_free(struct language_table *l);

/* What the words in an argv stand for in one submission. */
#define LANGUAGE_NAME_MAX 255 /* of a file name of ours */
struct language_variables {
    char source[AGENT_ARCHIVE_NAME_MAX + 1]; /* the source's file name */
    /* The file's stem; with naming JAVA, once it is built, the class to begin with. */
    char main[AGENT_ARCHIVE_NAME_MAX + 1];
    int64_t memory_mib, stack_mib, build_memory_mib;
};

/* Bytes of source_name in front of its last dot; all of it when there is none. */
size_t language_stem(const struct language *row);

/* Names for this source. *ret_why: NULL, or a line for the build log (static): no file can have the
 * name it asks for, and *ret_words holds no names. ERR_NOMEM. */
NODISCARD int language_name_source(const struct language *row, const char *source, size_t len,
                                   struct language_variables *ret_words, const char **ret_why,
                                   struct err *e);

/* Names for a source whose file has a name (at most AGENT_ARCHIVE_NAME_MAX bytes). */
void language_keep_name(const char *name, struct language_variables *ret_words);

/* The environment of a row's commands: path ("PATH=...", copied) and LANG=C.UTF-8, then the row's
 * own (borrowed); of several entries with one name the last is left. Caller owns *ret_env: one
 * free(). */
NODISCARD int language_environment(const char *const own[LANGUAGE_ARGS_MAX], const char *path,
                                   char ***ret_env, struct err *e);

/* argv with its words filled in. Caller owns *ret_argv: one free() releases all of it. */
NODISCARD int language_expand(const char *const *argv, const struct language_variables *words,
                              char ***ret_argv, struct err *e);

/* True when stderr of a failed run says that the runtime had no memory left. near_limit: the run
 * had nearly used what it may. */
bool language_out_of_memory(const struct language *row, const char *stderr_, size_t len,
                            bool near_limit);

/* NULL when there is no such language. Borrowed. */
const struct language *language_table_find(const struct language_table *l, const char *name);
