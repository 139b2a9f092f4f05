#include "engine/build/toolchain_cache.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/build/toolchain.h"
#include "engine/cell/cell_memfd.h"
#include "engine/docker/docker.h"
#include "engine/language/language.h"
#include "engine/pool/lease.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/hash.h"
#include "schema/base/log.h"

#define CACHE_MEMORY    (2 * GIB)
#define CACHE_CPU_NS    (900 * NS_PER_S)
#define LOG_BYTES       (64 * KIB)
#define OLD_MS          (86400 * 1000LL) /* another server may be about to use a younger one */
#define REMOVE_NS       (5 * NS_PER_S)   /* another server may use it: then it stays as it is */
#define REMOVE_AGAIN_MS 20
#define HASH_SIZE       16
#define NAME_SIZE       160

/* What the two sides of a toolchain have in common. */
struct side {
    const struct language_cache *recipe;
    struct toolchain_cache *cache;
    struct lease_class *cells;
    const char *const *env;
    const char *label, *word; /* key of the volume's label; of its name */
};

static struct side side_of(struct toolchain *t, enum toolchain_cache_side side)
{
    if (side == TOOLCHAIN_CACHE_BUILD)
        return (struct side){ &t->language->cache, &t->cache,
                              &t->build,           (const char *const *)t->build_env,
                              "scrc.cache",        "cache" };
    return (struct side){ &t->language->run_cache,         &t->run_cache,    &t->run,
                          (const char *const *)t->run_env, "scrc.run_cache", "run-cache" };
}

static void hash_list(crypto_generichash_state *h, const char *const *texts)
{
    for (; *texts; texts++)
        hash_text(h, *texts);
    hash_text(h, "");
}

/* "scrc-cache-cpp-5bf1a70d2e3c-02f6...": for people the language and the image, then all that
 * decides what is in it. */
static void name_volume(const struct toolchain *toolchain, const struct side *side,
                        char out[NAME_SIZE])
{
    const char *image = side->cells->spec.image, *colon = strchr(image, ':');
    uint8_t hash[HASH_SIZE];
    char hex[2 * HASH_SIZE + 1];
    crypto_generichash_state h;

    (void)crypto_generichash_init(&h, NULL, 0, sizeof hash);
    hash_text(&h, toolchain->language->name);
    hash_text(&h, image);
    hash_text(&h, side->recipe->volume_target);
    hash_list(&h, side->recipe->build);
    hash_list(&h, side->recipe->files);
    hash_list(&h, side->recipe->texts);
    hash_list(&h, side->env);
    (void)crypto_generichash_final(&h, hash, sizeof hash);
    (void)sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    (void)snprintf(out, NAME_SIZE, "scrc-%s-%s-%.12s-%s", side->word, toolchain->language->name,
                   colon ? colon + 1 : image, hex);
    for (char *c = out; *c; c++)
        if (*c == '+' || *c == '#') /* a language may have them in its name, a volume not */
            *c = '_';
}

static void remove_old_volumes(const struct toolchain *toolchain, const struct side *side,
                               struct docker *d)
{
    json_t *found = NULL, *volume;
    struct err ignored; /* they are looked for at each start */
    size_t i;

    if (docker_volume_list(d, side->label, &found, &ignored) < 0)
        return;
    json_auto_t *answer = found;
    json_array_foreach(json_object_get(answer, "Volumes"), i, volume)
    {
        const char *name = json_string_value(json_object_get(volume, "Name"));
        const char *made = json_string_value(json_object_get(volume, "CreatedAt"));
        const char *language =
            json_string_value(json_object_get(json_object_get(volume, "Labels"), side->label));
        int64_t made_ms;
        if (!name || !made || !language || strcmp(language, toolchain->language->name) != 0 ||
            strcmp(name, side->cache->volume) == 0 || clock_parse(made, &made_ms) < 0 ||
            clock_wall_ms() - made_ms < OLD_MS)
            continue;
        if (docker_volume_remove(d, name, &ignored) < 0)
            continue; /* a container has it */
        log_info("cache_removed", log_s("language", language), log_s("volume", name));
    }
}

/* The last line of text that is not empty. */
static void keep_last_line(const struct buf *text, char *out, size_t size)
{
    const char *data = text->data ? text->data : "", *end = data + text->len;

    while (end > data && end[-1] == '\n')
        end--;
    const char *line = end;
    while (line > data && line[-1] != '\n')
        line--;
    (void)snprintf(out, size, "%.*s", (int)(end - line), line);
}

static int run_recipe(const struct side *side, const struct cell_file *files, size_t files_len,
                      struct lease *lease, struct cell *cell, struct err *e)
{
    struct cell_request request = { .argv = side->recipe->build,
                                    .env = side->env,
                                    .exec_fd = -1,
                                    .stdio = CELL_STDIO_ALONE(-1),
                                    .files = files,
                                    .files_len = files_len,
                                    .cpu_limit_ns = CACHE_CPU_NS,
                                    .memory_limit = CACHE_MEMORY,
                                    .file_bytes = CACHE_MEMORY,
                                    .out_max = LOG_BYTES,
                                    .err_keep = LOG_BYTES };
    struct cell_result result;

    if (cell_run(cell, lease->docker, &request, &result, e) < 0)
        return -1;
    int status = result.agent.status;
    bool ok = result.agent.exec_errno == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (ok)
        keep_last_line(&result.out, side->cache->says, sizeof side->cache->says);
    else
        (void)err_set(e, ERR_PLATFORM, "'%s' failed with exit code %d: %.200s",
                      side->recipe->build[0],
                      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                      result.err.data ? result.err.data : "");
    cell_result_clear(&result);
    return ok ? 0 : -1;
}

/* Runs the command in a cell of its own that may write to the volume. */
static int fill_volume(const struct side *side, struct lease *lease, struct err *e)
{
    struct cell_file files[AGENT_FILES_MAX];
    struct lease_class writable = *side->cells;
    struct lease_cell *cell;
    size_t len = 0;
    int rc = 0;

    writable.spec.volume_writable = true;
    writable.spec.tmpfs_bytes = CACHE_MEMORY;
    for (; rc == 0 && side->recipe->files[len]; len += rc == 0) {
        const char *text = side->recipe->texts[len];
        files[len] = (struct cell_file){ .name = side->recipe->files[len],
                                         .fd = cell_memfd("prepare", text, strlen(text), e),
                                         .kind = AGENT_FILE_PLAIN };
        rc = files[len].fd < 0 ? -1 : 0;
    }
    if (rc == 0)
        rc = lease_acquire(lease, &writable, CACHE_MEMORY, 1, &cell, e);
    if (rc == 0) {
        rc = run_recipe(side, files, len, lease, cell->cell, e);
        lease_release(lease, cell);
    }
    while (len > 0)
        closep(&files[--len].fd);
    return rc;
}

static int create_volume(const struct toolchain *toolchain, const struct side *side,
                         struct docker *d, struct err *e)
{
    json_auto_t *labels = json_pack("{s:s}", side->label, toolchain->language->name);

    if (docker_volume_create(d, side->cache->volume, labels, e) < 0)
        return err_wrap(e, "volume %s", side->cache->volume);
    side->cells->spec.volume = side->cache->volume;
    side->cells->spec.volume_target = side->recipe->volume_target;
    return 0;
}

/* The cell that has written to it is being removed in the background; until then Docker refuses. */
static bool remove_damaged_volume(struct docker *d, const char *volume)
{
    int64_t until = clock_mono_ns() + REMOVE_NS;
    struct err e;

    while (docker_volume_remove(d, volume, &e) < 0) {
        if (e.kind == ERR_CANCELLED || clock_mono_ns() > until)
            return false;
        (void)poll(NULL, 0, REMOVE_AGAIN_MS);
    }
    return true;
}

int toolchain_cache_make(struct toolchain *toolchain, enum toolchain_cache_side which,
                         struct lease *lease, struct err *e)
{
    struct side side = side_of(toolchain, which);
    char name[NAME_SIZE];

    if (!side.recipe->volume_target)
        return 0;
    name_volume(toolchain, &side, name);
    side.cache->volume = strdup(name);
    if (!side.cache->volume)
        return err_set(e, ERR_NOMEM, "language '%s'", toolchain->language->name);
    if (create_volume(toolchain, &side, lease->docker, e) < 0)
        return -1;
    int rc = fill_volume(&side, lease, e);
    if (rc < 0 && e->kind == ERR_PLATFORM &&
        remove_damaged_volume(lease->docker, side.cache->volume))
        rc = create_volume(toolchain, &side, lease->docker, e) < 0 ? -1
                                                                   : fill_volume(&side, lease, e);
    if (rc < 0)
        return err_wrap(e, "make the cache of '%s'", toolchain->language->name);
    side.cache->made = true;
    if (which == TOOLCHAIN_CACHE_BUILD) { /* a compile server is in a build cell */
        toolchain->server.spec.volume = toolchain->build.spec.volume;
        toolchain->server.spec.volume_target = toolchain->build.spec.volume_target;
    }
    remove_old_volumes(toolchain, &side, lease->docker);
    return 0;
}
