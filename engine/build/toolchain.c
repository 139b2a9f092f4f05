#include "engine/build/toolchain.h"

#include <stdio.h>
#include <string.h>

#include "engine/docker/docker.h"
#include "engine/engine_config.h"
#include "engine/pool/lease.h"
#include "engine/pool/pool.h"
#include "schema/base/err.h"

#define BUILD_PIDS   512 /* for the threads of a compiler; RUNNER_PIDS_LIMIT is for programs */
#define BUILD_INODES 20000
#define RUN_TMPFS    (64 * MIB) /* beside the artefact */
#define RUN_INODES   20000      /* a Java program may have thousands of classes */

/* "PATH=..." of an image, or the default of the usual tools. */
static const char *image_path(const json_t *image)
{
    const json_t *env = json_object_get(json_object_get(image, "Config"), "Env");

    for (size_t i = 0; i < json_array_size(env); i++) {
        const char *s = json_string_value(json_array_get(env, i));
        if (s && strncmp(s, "PATH=", 5) == 0)
            return s;
    }
    return "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* "gcc:14@sha256:..." with the registry's digest, or the image's id when it has none. */
static int describe_image(const char *name, const json_t *image, const char *before,
                          char **ret_text)
{
    const char *digest =
        json_string_value(json_array_get(json_object_get(image, "RepoDigests"), 0));
    const char *at = digest ? strrchr(digest, '@') : NULL;

    return asprintf(ret_text, "%s%s%.*s@%s", before ? before : "", before ? ", " : "",
                    (int)strcspn(name, "@"), name,
                    at ? at + 1 : json_string_value(json_object_get(image, "Id")));
}

static int find_image(struct toolchain *toolchain, struct docker *d, const char *name, bool build,
                      struct err *e)
{
    json_t *found = NULL;
    if (docker_image(d, name, &found, e) < 0)
        return err_wrap(e, "image '%s'", name);
    json_auto_t *image = found;
    const char *id = json_string_value(json_object_get(image, "Id"));
    if (!id)
        return err_set(e, ERR_DOCKER, "image '%s' has no id", name);

    CLEANUP(freep) char *before = toolchain->images;
    toolchain->images = NULL;
    if (language_environment(build ? toolchain->language->build_env : toolchain->language->run_env,
                             image_path(image), build ? &toolchain->build_env : &toolchain->run_env,
                             e) < 0)
        return -1;
    char **own_id = build ? &toolchain->build_image : &toolchain->run_image;
    *own_id = strdup(id);
    if (!*own_id || describe_image(name, image, before, &toolchain->images) < 0)
        return err_set(e, ERR_NOMEM, "language '%s'", toolchain->language->name);
    return 0;
}

static struct cell_spec build_spec(const struct toolchain *toolchain, const struct engine_config *c)
{
    return (struct cell_spec){ .image = toolchain->build_image,
                               .workdir = toolchain->language->workdir,
                               .memory_bytes = c->build_memory_bytes,
                               .pids = c->pids > BUILD_PIDS ? c->pids : BUILD_PIDS,
                               .tmpfs_bytes = c->build_memory_bytes,
                               .tmpfs_inodes = BUILD_INODES };
}

static struct cell_spec run_spec(const struct toolchain *toolchain, const struct engine_config *c)
{
    return (struct cell_spec){
        .image = toolchain->run_image,
        .workdir = toolchain->language->workdir,
        .memory_bytes = c->default_memory_bytes, /* toolchain_add_classes() adds the overhead */
        .pids = c->pids,
        .tmpfs_bytes = RUN_TMPFS + c->build_artefact_bytes,
        .tmpfs_inodes = RUN_INODES,
        .nano_cpus = NS_PER_S
    };
}

/* A build cell with the compile server in it; toolchain_cache_make() adds the volume to both. */
static int make_server(struct toolchain *toolchain, const struct engine_config *c, struct err *e)
{
    const struct language_variables variables = { .build_memory_mib = c->build_memory_bytes / MIB };
    const char *const *argv = toolchain->language->compile_server;

    toolchain->server = toolchain->build;
    if (!argv[0])
        return 0;
    if (language_expand(argv, &variables, &toolchain->server_argv, e) < 0)
        return -1;
    toolchain->server.spec.resident_argv = (const char *const *)toolchain->server_argv;
    toolchain->server.spec.resident_env = (const char *const *)toolchain->build_env;
    return 0;
}

int toolchain_make(const struct language *language, struct docker *d, const struct engine_config *c,
                   struct toolchain **ret_toolchain, struct err *e)
{
    CLEANUP(toolchain_freep) struct toolchain *toolchain = calloc(1, sizeof *toolchain);
    if (!toolchain)
        return err_set(e, ERR_NOMEM, "language '%s'", language->name);

    toolchain->language = language;
    toolchain->memory_overhead = language->memory_overhead;
    if (language->image && find_image(toolchain, d, language->image, true, e) < 0)
        return -1;
    if (find_image(toolchain, d, language->run_image, false, e) < 0)
        return -1;
    toolchain->build = (struct lease_class){ .number = -1, .spec = build_spec(toolchain, c) };
    toolchain->run = (struct lease_class){ .number = -1, .spec = run_spec(toolchain, c) };
    if (make_server(toolchain, c, e) < 0)
        return -1;
    *ret_toolchain = TAKE(toolchain);
    return 0;
}

/* Where there is a compile server the plain command is seldom run, so that no cell for it waits. */
static int add_build_class(struct toolchain *toolchain, struct pool *pool, struct err *e)
{
    struct lease_class *class = toolchain->has_server ? &toolchain->server : &toolchain->build;

    if (!toolchain->build_image)
        return 0;
    class->number = pool_class_add(pool, &class->spec, e);
    return class->number < 0 ? -1 : 0;
}

int toolchain_add_classes(struct toolchain *toolchain, struct pool *pool, struct err *e)
{
    if (add_build_class(toolchain, pool, e) < 0)
        return err_wrap(e, "build cells of '%s'", toolchain->language->name);
    toolchain->run.spec.memory_bytes =
        toolchain_memory(toolchain, toolchain->run.spec.memory_bytes);
    toolchain->run.number = pool_class_add(pool, &toolchain->run.spec, e);
    if (toolchain->run.number >= 0)
        return 0;
    toolchain_remove_classes(toolchain, pool);
    return err_wrap(e, "run cells of '%s'", toolchain->language->name);
}

const char *const *toolchain_run_command(const struct toolchain *toolchain)
{
    return toolchain->warm_run ? toolchain->language->warm_run : toolchain->language->run;
}

void toolchain_describe_accelerator(struct toolchain *toolchain)
{
    const char *const parts[] = { toolchain->has_server ? "resident compiler" : "",
                                  toolchain->warm_build == TOOLCHAIN_PLAIN ? ""
                                                                           : toolchain->cache.says,
                                  toolchain->warm_run ? toolchain->run_cache.says : "" };
    size_t len = 0;

    toolchain->accelerator[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(parts) && len < sizeof toolchain->accelerator; i++)
        if (parts[i][0])
            len +=
                (size_t)snprintf(toolchain->accelerator + len, sizeof toolchain->accelerator - len,
                                 "%s%s", len > 0 ? "; " : "", parts[i]);
}

void toolchain_remove_classes(const struct toolchain *toolchain, struct pool *pool)
{
    if (toolchain->build.number >= 0)
        pool_class_remove(pool, toolchain->build.number);
    if (toolchain->server.number >= 0)
        pool_class_remove(pool, toolchain->server.number);
    if (toolchain->run.number >= 0)
        pool_class_remove(pool, toolchain->run.number);
}

int64_t toolchain_memory(const struct toolchain *toolchain, int64_t limit)
{
    int64_t bytes = limit + toolchain->memory_overhead;
    return bytes > CELL_MEMORY_MIN ? bytes : CELL_MEMORY_MIN;
}

struct toolchain *toolchain_free(struct toolchain *toolchain)
{
    if (!toolchain)
        return NULL;
    free(toolchain->build_image);
    free(toolchain->run_image);
    free(toolchain->images);
    free(toolchain->build_env);
    free(toolchain->run_env);
    free(toolchain->cache.volume);
    free(toolchain->run_cache.volume);
    free(toolchain->server_argv);
    free(toolchain);
    return NULL;
}
