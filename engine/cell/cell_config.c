#include "engine/cell/cell_config.h"

#include <stdio.h>
#include <string.h>

#include "engine/cell/cell_types.h"
#include "schema/base/err.h"

/* cell.json, what all cells have in common, and seccomp.json.
 *
 * RLIMIT_CORE is 1 and not 0: both mean no core file, but only with 1 the kernel starts no
 * core_pattern helper on the host. The tmpfs on /dev, read-only once it is filled, has none of
 * Docker's /dev/pts and /dev/mqueue; its devices are read-only too, because where users are
 * remapped they are the host's own, mounted one by one. The masked paths replace Docker's list:
 * they are those of the list, and others that show something of the host or can be written to; a
 * path that a kernel does not have does no harm. */
extern const char cell_common[];
extern const char cell_seccomp[];

/* Processes in addition to the program's: the agent, the box's init and the child that wipes, and
 * room for new ones that start before the kernel has freed the last. */
#define OWN_PIDS 6

/* The tmpfs mounts of all cells, and those of the work directory and /tmp, over which a box may
 * mount its own. Volumes of the image become empty ones that only root may write to. */
static json_t *tmpfs_of(const struct cell_spec *spec, json_t *common, json_t *image)
{
    static const char closed[] = "rw,noexec,nosuid,nodev,size=64k,nr_inodes=16,mode=0755";
    json_t *volumes = json_object_get(json_object_get(image, "Config"), "Volumes");
    json_auto_t *all = json_copy(common);

    for (void *i = json_object_iter(volumes); i; i = json_object_iter_next(volumes, i))
        if (json_object_set_new(all, json_object_iter_key(i), json_string(closed)) < 0)
            return NULL;
    json_auto_t *open_to_all =
        json_sprintf("rw,exec,nosuid,nodev,size=%lld,nr_inodes=%lld,mode=1777",
                     (long long)spec->tmpfs_bytes, (long long)spec->tmpfs_inodes);
    if (json_object_set(all, spec->workdir, open_to_all) < 0 ||
        json_object_set(all, "/tmp", open_to_all) < 0)
        return NULL;
    return TAKE(all);
}

static json_t *mounts_of(const struct cell_spec *spec, const struct cell_host *host,
                         const char *name)
{
    /* No propagation is set: Docker refuses rprivate for a source under its own root (where the
     * volumes of a server in a container are), and rslave for one on a private mount. */
    json_auto_t *all = json_pack("[{s:s, s:s++, s:s, s:b}]", "Type", "bind", "Source",
                                 host->host_dir, "/", name, "Target", AGENT_DIR, "ReadOnly", 1);
    if (!spec->volume || !all)
        return TAKE(all);
    /* A new writable volume is a copy of the image's directory with its mode, so that programs of
     * any uid may write to it. */
    json_t *volume =
        json_pack("{s:s, s:s, s:s, s:b, s:{s:b}}", "Type", "volume", "Source", spec->volume,
                  "Target", spec->volume_target, "ReadOnly", spec->volume_writable ? 0 : 1,
                  "VolumeOptions", "NoCopy", spec->volume_writable ? 0 : 1);
    if (json_array_append_new(all, volume) < 0)
        return NULL;
    return TAKE(all);
}

/* argv of the agent (protocol.h). */
static json_t *entrypoint_of(const struct cell_spec *spec, const struct cell_host *host)
{
    json_auto_t *bytes = json_sprintf("%lld", (long long)spec->tmpfs_bytes);
    json_auto_t *inodes = json_sprintf("%lld", (long long)spec->tmpfs_inodes);
    return json_pack("[s, s, O, O, s]", AGENT_PATH, spec->workdir, bytes, inodes, host->box);
}

int cell_config_make(const struct cell_spec *spec, const struct cell_host *host, const char *name,
                     json_t *image, json_t **ret_body, struct err *e)
{
    json_auto_t *body = json_loads(cell_common, JSON_REJECT_DUPLICATES, NULL);
    json_t *config = json_object_get(body, "HostConfig");
    /* The id of the inspected image: its name may mean another image by now. */
    const char *id = json_string_value(json_object_get(image, "Id"));

    json_auto_t *top = json_pack("{s:s, s:o, s:{s:s, s:s, s:s}}", "Image", id ? id : spec->image,
                                 "Entrypoint", entrypoint_of(spec, host), "Labels", "scrc.instance",
                                 host->instance, "scrc.table", host->table, "scrc.create", name);
    json_auto_t *own = json_pack(
        "{s:I, s:I, s:I, s:I, s:o, s:o, s:[s, s+], s:s*}", "Memory", (json_int_t)spec->memory_bytes,
        "MemorySwap", (json_int_t)spec->memory_bytes, "PidsLimit",
        (json_int_t)spec->pids + OWN_PIDS, "NanoCpus", (json_int_t)spec->nano_cpus, "Tmpfs",
        tmpfs_of(spec, json_object_get(config, "Tmpfs"), image), "Mounts",
        mounts_of(spec, host, name), "SecurityOpt", "no-new-privileges", "seccomp=", cell_seccomp,
        "Runtime", host->runtime);
    if (!top || !own || json_object_update(body, top) < 0 || json_object_update(config, own) < 0)
        return err_set(e, ERR_NOMEM, "the description of a cell of %.100s", spec->image);
    *ret_body = TAKE(body);
    return 0;
}

static bool holds(json_t *want, json_t *got);

/* In any order, for Docker sorts some of its lists. */
static bool array_holds(json_t *want, json_t *got)
{
    if (json_array_size(want) != json_array_size(got))
        return false;
    for (size_t i = 0; i < json_array_size(want); i++) {
        bool found = false;
        for (size_t j = 0; j < json_array_size(got) && !found; j++)
            found = holds(json_array_get(want, i), json_array_get(got, j));
        if (!found)
            return false;
    }
    return true;
}

/* True when got has all that want has; it may have more. Docker leaves out what is false. */
static bool holds(json_t *want, json_t *got)
{
    if (json_is_false(want) && !got)
        return true;
    if (json_is_array(want))
        return array_holds(want, got);
    if (!json_is_object(want))
        return json_equal(want, got);
    for (void *i = json_object_iter(want); i; i = json_object_iter_next(want, i))
        if (!holds(json_object_iter_value(i), json_object_get(got, json_object_iter_key(i))))
            return false;
    return true;
}

static bool is_kept(const char *key, json_t *want, json_t *got)
{
    if (strcmp(key, "HostConfig") == 0)
        return true; /* in another place of the answer; cell_config_kept() compares it */
    /* A kernel without swap accounting, which host_check() reports. */
    if (strcmp(key, "MemorySwap") == 0 && json_integer_value(got) == -1)
        return true;
    return holds(want, got);
}

static int check_fields(json_t *want, json_t *got, const char *where, struct err *e)
{
    for (void *i = json_object_iter(want); i; i = json_object_iter_next(want, i)) {
        const char *key = json_object_iter_key(i);
        json_t *there = json_object_get(got, key);
        if (is_kept(key, json_object_iter_value(i), there))
            continue;
        CLEANUP(freep) char *text = json_dumps(there, JSON_COMPACT | JSON_ENCODE_ANY);
        return err_set(e, ERR_PLATFORM, "Docker did not keep %s.%s: it is %.120s", where, key,
                       text ? text : "absent");
    }
    return 0;
}

int cell_config_kept(json_t *body, json_t *container, struct err *e)
{
    if (check_fields(body, json_object_get(container, "Config"), "Config", e) < 0)
        return -1;
    return check_fields(json_object_get(body, "HostConfig"),
                        json_object_get(container, "HostConfig"), "HostConfig", e);
}
