#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "engine/language.h"
#include "engine/language_file.h"
#include "schema/err.h"

/* The images, work directories and commands of the Go worker's README, with the flags that make
 * them quick and quiet. A C program may want libm; behind the source it costs nothing.
 *
 * LANG of c and cpp: glibc finds C.UTF-8 in files that a small run image does not have, and then
 * std::locale("") aborts. C is within glibc itself.
 *
 * Java: -Xss is for the main thread, which the launcher makes with it; ThreadStackSize=0, behind
 * it, gives the threads that the program starts the JVM's default again. A heap that is used up
 * ends the JVM at once, whichever thread it was and whoever would have caught the error: the heap
 * is as large as the memory limit, and passing that is ML in every language. The JVM's own words go
 * to stderr, never into the program's output. */
static const struct language built_ins[] = {
    { .name = "python",
      .title = "Python",
      .run_image = "python:3.12-alpine",
      .workdir = "/tmp",
      .source_name = "script.py",
      .run = { "python3", "{source}" },
      /* Compiles and runs nothing; its own words do not matter, the first run has said it all. */
      .check = { "python3", "-c",
                 "import sys; compile(open(sys.argv[1], 'rb').read(), sys.argv[1], 'exec')",
                 "{source}" },
      .run_env = { "HOME=/tmp", "PYTHONDONTWRITEBYTECODE=1" },
      .version = { "python3", "--version" },
      .oom_text = "MemoryError",
      .hello = "print('scrc')\n" },
    { .name = "go",
      .title = "Go",
      .image = "golang:1.22-alpine",
      .run_image = "alpine:3.20",
      .workdir = "/tmp",
      .source_name = "main.go",
      .build = { "go", "build", "-o", "main", "{source}" },
      .collect = AGENT_COLLECT_FILE,
      .artefact = "main",
      .run = { "./main" },
      .run_env = { "GOMAXPROCS=1" }, /* as many as a run cell has; programs cannot see its quota */
      .build_env = { "HOME=/tmp", "CGO_ENABLED=0", "GOPROXY=off", "GOTOOLCHAIN=local", "GOENV=off",
                     "GOPATH=/tmp/go", "GOCACHE=/var/tmp/go-build" },
      .version = { "go", "version" },
      .allowance = 2 * MIB,
      .strict_memory = true,
      /* Of every image's directories this one is open to all, and a new volume takes its mode. */
      .cache_volume_target = "/var/tmp",
      .cache_build = { "go", "build", "std" },
      .hello = "package main\nimport \"fmt\"\nfunc main() { fmt.Println(\"scrc\") }\n" },
    { .name = "c",
      .title = "C",
      .image = "gcc:14",
      .run_image = "alpine:3.20",
      .workdir = "/tmp",
      .source_name = "main.c",
      .build = { "gcc", "-static", "-O2", "-pipe", "-DONLINE_JUDGE", "-o", "main", "{source}",
                 "-lm" },
      .collect = AGENT_COLLECT_FILE,
      .artefact = "main",
      .run = { "./main" },
      .build_env = { "HOME=/tmp", "TMPDIR=/tmp" },
      .run_env = { "LANG=C" },
      .version = { "gcc", "--version" },
      .allowance = 2 * MIB,
      .strict_memory = true,
      .hello = "#include <stdio.h>\nint main(void) { puts(\"scrc\"); return 0; }\n" },
    { .name = "cpp",
      .title = "C++",
      .image = "gcc:14",
      .run_image = "alpine:3.20",
      .workdir = "/tmp",
      .source_name = "main.cpp",
      .build = { "g++", "-static", "-O2", "-pipe", "-DONLINE_JUDGE", "-o", "main", "{source}" },
      .collect = AGENT_COLLECT_FILE,
      .artefact = "main",
      .run = { "./main" },
      .build_env = { "HOME=/tmp", "TMPDIR=/tmp" },
      .run_env = { "LANG=C" },
      .version = { "g++", "--version" },
      .allowance = 2 * MIB,
      .strict_memory = true,
      .heap_limit_text = { "terminate called after throwing an instance of 'std::bad_alloc'" },
      .hello = "#include <iostream>\nint main() { std::cout << \"scrc\\n\"; }\n" },
    { .name = "java",
      .title = "Java",
      .image = "eclipse-temurin:21-jdk-alpine",
      .run_image = "eclipse-temurin:21-jre-alpine",
      .workdir = "/tmp",
      .source_name = "Main.java",
      .naming = LANGUAGE_NAMING_JAVA,
      /* Neither compiler nor program sees its cell's limits, so they are told. */
      .build = { "javac", "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-J-XX:-UsePerfData",
                 "-J-XX:-UseContainerSupport", "-J-XX:MaxRAM={build_memory_mib}m",
                 "-J-XX:MaxRAMPercentage=60", "-proc:none", "-encoding", "UTF-8", "-d", "out",
                 "{source}" },
      .collect = AGENT_COLLECT_TREE,
      .artefact = "out",
      .run = { "java", "-Xmx{memory_mib}m", "-Xss{stack_mib}m", "-XX:ThreadStackSize=0",
               "-XX:+UseSerialGC", "-Xshare:auto", "-XX:-UsePerfData",
               "-XX:+ExitOnOutOfMemoryError", "-XX:+DisplayVMOutputToStderr", "-Xlog:disable",
               "-Xlog:all=warning:stderr", "-XX:-UseContainerSupport", "-XX:ActiveProcessorCount=1",
               "-cp", ".", "{main}" },
      .build_env = { "HOME=/tmp" },
      .run_env = { "HOME=/tmp" },
      .version = { "javac", "-version" },
      .oom_text = "java.lang.OutOfMemoryError",
      /* The second is thrown by the library, not by the JVM, which goes on. */
      .heap_limit_text = { "Terminating due to java.lang.OutOfMemoryError",
                           "java.lang.OutOfMemoryError: Cannot reserve" },
      .hello = "public class Hello {\n"
               "    public static void main(String[] a) { System.out.println(\"scrc\"); }\n"
               "}\n" },
};

/* Keeps a copy of text in the arena, which is a JSON array. NULL out of memory. */
static const char *keep(json_t *arena, const char *text)
{
    json_t *s = json_string_nocheck(text);
    return s && json_array_append_new(arena, s) == 0 ? json_string_value(s) : NULL;
}

static int set_text(json_t *arena, const char *text, const char **field, struct err *e)
{
    if (!text)
        return 0;
    if (!text[0])
        return err_set(e, ERR_SETTING, "an image or work directory must not be empty");
    const char *kept = keep(arena, text);
    if (!kept)
        return err_set(e, ERR_NOMEM, "languages");
    *field = kept;
    return 0;
}

static struct language *find(const struct languages *l, const char *name)
{
    for (size_t i = 0; i < l->len; i++)
        if (strcmp(l->rows[i].name, name) == 0)
            return &l->rows[i];
    return NULL;
}

/* Where nothing is built, {PREFIX}_IMAGE is the image that runs. */
static int override(const struct languages *l, const struct language_override *o, struct err *e)
{
    struct language *row = find(l, o->name);

    if (!row)
        return err_set(e, ERR_BUG, "no built-in language '%s'", o->name);
    if (set_text(l->arena, o->image, row->image ? &row->image : &row->run_image, e) < 0 ||
        set_text(l->arena, o->run_image, &row->run_image, e) < 0 ||
        set_text(l->arena, o->workdir, &row->workdir, e) < 0)
        return err_wrap(e, "language '%s'", o->name);
    if (row->workdir[0] != '/' || !row->workdir[1])
        return err_set(e, ERR_SETTING, "language '%s': work directory '%s' is not an absolute path",
                       o->name, row->workdir);
    return 0;
}

static int is_json(const struct dirent *d)
{
    size_t len = strlen(d->d_name);
    return len > 5 && d->d_name[0] != '.' && strcmp(d->d_name + len - 5, ".json") == 0;
}

static int add_file(struct languages *l, const char *dir, const char *file, struct err *e)
{
    struct language row;
    json_t *json;

    if (language_file_read(dir, file, &row, &json, e) < 0)
        return -1;
    if (json_array_append_new(l->arena, json) < 0)
        return err_set(e, ERR_NOMEM, "languages");
    struct language *old = find(l, row.name);
    if (!old && l->len == LANGUAGES_MAX)
        return err_set(e, ERR_SETTING, "%s: more than %d languages", dir, LANGUAGES_MAX);
    *(old ? old : &l->rows[l->len++]) = row;
    return 0;
}

static int add_files(struct languages *l, const char *dir, struct err *e)
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

DEFINE_CLEANUP(struct languages, languages_free)

int languages_open(const char *dir, const struct language_override *overrides, size_t overrides_len,
                   struct languages **ret_languages, struct err *e)
{
    CLEANUP(languages_freep) struct languages *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(e, ERR_NOMEM, "languages");
    l->rows = calloc(LANGUAGES_MAX, sizeof *l->rows);
    l->arena = json_array();
    if (!l->rows || !l->arena)
        return err_set(e, ERR_NOMEM, "languages");

    memcpy(l->rows, built_ins, sizeof built_ins);
    l->len = ARRAY_LEN(built_ins);
    for (size_t i = 0; i < overrides_len; i++)
        if (override(l, &overrides[i], e) < 0)
            return -1;
    if (dir && add_files(l, dir, e) < 0)
        return -1;
    *ret_languages = TAKE(l);
    return 0;
}

static int choose(struct languages *l, const char *name, bool chosen[LANGUAGES_MAX], struct err *e)
{
    const struct language *row = find(l, name);

    if (!row)
        return err_set(e, ERR_SETTING, "there is no language '%.60s'", name);
    chosen[row - l->rows] = true;
    return 0;
}

int languages_choose(struct languages *l, const char *names, struct err *e)
{
    bool chosen[LANGUAGES_MAX] = { false };
    char *rest = NULL;
    size_t kept = 0;
    CLEANUP(freep) char *copy = strdup(names);

    if (!copy)
        return err_set(e, ERR_NOMEM, "languages");
    for (char *name = strtok_r(copy, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        if (choose(l, name, chosen, e) < 0)
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

struct languages *languages_free(struct languages *l)
{
    if (!l)
        return NULL;
    free(l->rows);
    json_decref(l->arena);
    free(l);
    return NULL;
}

const struct language *languages_find(const struct languages *l, const char *name)
{
    return find(l, name);
}
