#include "engine/build/toolchain.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/docker/docker.h"
#include "engine/engine_config.h"
#include "engine/pool/lease.h"
#include "engine/pool/pool.h"
#include "schema/base/err.h"

#define BUILD_PIDS      512 /* a compiler's threads, whatever RUNNER_PIDS_LIMIT says of programs */
#define BUILD_INODES    20000
#define RUN_TMPFS       (64 * MIB) /* beside the artefact */
#define RUN_INODES      20000      /* a Java program may be thousands of classes */
#define CACHE_MEMORY    (2 * GIB)
#define CACHE_CPU_NS    (900 * NS_PER_S)
#define CACHE_LOG_BYTES (64 * KIB)

/* "PATH=..." of an image, or what the kernel's own tools assume. */
static const char *path_of(const json_t *image)
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
static int describe(const char *name, const json_t *image, const char *before, char **ret_text)
{
    const char *digest =
        json_string_value(json_array_get(json_object_get(image, "RepoDigests"), 0));
    const char *at = digest ? strrchr(digest, '@') : NULL;

    return asprintf(ret_text, "%s%s%.*s@%s", before ? before : "", before ? ", " : "",
                    (int)strcspn(name, "@"), name,
                    at ? at + 1 : json_string_value(json_object_get(image, "Id")));
}

static int look_up(struct toolchain *p, struct docker *d, const char *name, bool build,
                   struct err *e)
{
    json_t *found = NULL;
    if (docker_image(d, name, &found, e) < 0)
        return err_wrap(e, "image '%s'", name);
    json_auto_t *image = found;
    const char *id = json_string_value(json_object_get(image, "Id"));
    if (!id)
        return err_set(e, ERR_DOCKER, "image '%s' has no id", name);

    CLEANUP(freep) char *before = p->images;
    p->images = NULL;
    if (language_environment(build ? p->row->build_env : p->row->run_env, path_of(image),
                             build ? &p->build_env : &p->run_env, e) < 0)
        return -1;
    char **own_id = build ? &p->build_image : &p->run_image;
    *own_id = strdup(id);
    if (!*own_id || describe(name, image, before, &p->images) < 0)
        return err_set(e, ERR_NOMEM, "language '%s'", p->row->name);
    return 0;
}

static struct cell_spec build_spec(const struct toolchain *p, const struct engine_config *c)
{
    return (struct cell_spec){ .image = p->build_image,
                               .workdir = p->row->workdir,
                               .memory_bytes = c->build_memory_bytes,
                               .pids = c->pids > BUILD_PIDS ? c->pids : BUILD_PIDS,
                               .tmpfs_bytes = c->build_memory_bytes,
                               .tmpfs_inodes = BUILD_INODES };
}

static struct cell_spec run_spec(const struct toolchain *p, const struct engine_config *c)
{
    return (struct cell_spec){ .image = p->run_image,
                               .workdir = p->row->workdir,
                               .memory_bytes = c->default_memory_bytes, /* and the allowance */
                               .pids = c->pids,
                               .tmpfs_bytes = RUN_TMPFS + c->build_artefact_bytes,
                               .tmpfs_inodes = RUN_INODES,
                               .nano_cpus = NS_PER_S };
}

int toolchain_make(const struct language *row, struct docker *d, const struct engine_config *c,
                   struct toolchain **ret_plan, struct err *e)
{
    CLEANUP(toolchain_freep) struct toolchain *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(e, ERR_NOMEM, "language '%s'", row->name);

    p->row = row;
    p->allowance = row->allowance;
    if (row->image && look_up(p, d, row->image, true, e) < 0)
        return -1;
    if (look_up(p, d, row->run_image, false, e) < 0)
        return -1;
    p->build = (struct lease_class){ .number = -1, .spec = build_spec(p, c) };
    p->run = (struct lease_class){ .number = -1, .spec = run_spec(p, c) };
    *ret_plan = TAKE(p);
    return 0;
}

/* The command is one that finds its cache complete and then does nothing, so it runs at every start
 * and mends what an earlier one left half made. */
static int fill_cache(const struct toolchain *p, struct lease *b, struct cell *cell, struct err *e)
{
    struct cell_request q = { .argv = p->row->cache_build,
                              .env = (const char *const *)p->build_env,
                              .exec_fd = -1,
                              .stdio = CELL_STDIO_ALONE(-1),
                              .cpu_limit_ns = CACHE_CPU_NS,
                              .memory_limit = CACHE_MEMORY,
                              .file_bytes = CACHE_MEMORY,
                              .out_max = CACHE_LOG_BYTES,
                              .err_keep = CACHE_LOG_BYTES };
    struct cell_result r;

    if (cell_run(cell, b->docker, &q, &r, e) < 0)
        return -1;
    int status = r.agent.status;
    bool ok = r.agent.exec_errno == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ok)
        (void)err_set(e, ERR_PLATFORM, "'%s' failed with status %d: %.200s", p->row->cache_build[0],
                      status, r.err.data ? r.err.data : "");
    cell_result_clear(&r);
    return ok ? 0 : -1;
}

int toolchain_cache(struct toolchain *p, struct lease *b, struct err *e)
{
    const char *name = p->row->name;
    if (!p->row->cache_volume_target)
        return 0;

    const char *digest = strchr(p->build_image, ':');
    json_auto_t *labels = json_pack("{s:s}", "scrc.cache", name);
    if (asprintf(&p->cache, "scrc-cache-%s-%.12s", name, digest ? digest + 1 : p->build_image) <
        0) {
        p->cache = NULL;
        return err_set(e, ERR_NOMEM, "language '%s'", name);
    }
    if (docker_volume_create(b->docker, p->cache, labels, e) < 0)
        return err_wrap(e, "volume %s", p->cache);
    p->build.spec.volume = p->cache;
    p->build.spec.volume_target = p->row->cache_volume_target;

    struct lease_class maker = p->build;
    struct lease_cell *cell;
    maker.spec.volume_writable = true;
    maker.spec.tmpfs_bytes = CACHE_MEMORY;
    if (lease_acquire(b, &maker, CACHE_MEMORY, 1, &cell, e) < 0)
        return err_wrap(e, "make the cache of '%s'", name);
    int rc = fill_cache(p, b, cell->cell, e);
    lease_release(b, cell);
    return rc < 0 ? err_wrap(e, "make the cache of '%s'", name) : 0;
}

int toolchain_add_classes(struct toolchain *p, struct pool *pool, struct err *e)
{
    if (p->build_image && (p->build.number = pool_class_add(pool, &p->build.spec, e)) < 0)
        return err_wrap(e, "build cells of '%s'", p->row->name);
    p->run.spec.memory_bytes = toolchain_memory(p, p->run.spec.memory_bytes);
    p->run.number = pool_class_add(pool, &p->run.spec, e);
    if (p->run.number >= 0)
        return 0;
    toolchain_remove_classes(p, pool);
    return err_wrap(e, "run cells of '%s'", p->row->name);
}

void toolchain_remove_classes(const struct toolchain *p, struct pool *pool)
{
    if (p->build.number >= 0)
        pool_class_remove(pool, p->build.number);
    if (p->run.number >= 0)
        pool_class_remove(pool, p->run.number);
}

int64_t toolchain_memory(const struct toolchain *p, int64_t limit)
{
    int64_t bytes = limit + p->allowance;
    return bytes > CELL_MEMORY_MIN ? bytes : CELL_MEMORY_MIN;
}

struct toolchain *toolchain_free(struct toolchain *p)
{
    if (!p)
        return NULL;
    free(p->build_image);
    free(p->run_image);
    free(p->images);
    free(p->build_env);
    free(p->run_env);
    free(p->cache);
    free(p);
    return NULL;
}
