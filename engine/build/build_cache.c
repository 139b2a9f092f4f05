#include "engine/build/build_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1 /* out of memory: the element is not added */
#define HASH_FUNCTION(key, len, out)                                                               \
    memcpy(&(out), key, sizeof(out)) /* the key is a hash already */
#include <uthash.h>
#include <utlist.h>

#include "engine/build/build_entry.h"
#include "engine/build/build_outcome.h"
#include "engine/build/build_recent.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"

#define FOLDER       "builds"
#define LARGEST_PART 16          /* an entry may take at most this fraction of max_bytes */
#define BLOCK        (4 * KIB)   /* a file takes whole blocks */
#define ENTRIES_MAX  65536       /* about 10 MiB of our memory */
#define RESERVE      (256 * MIB) /* of the disk, for all others */
/* A failed build is used for so long only: if the host caused it, it must not stay for ever. */
#define FAILURE_S 3600
#define NAME_SIZE (2 * BUILD_KEY_SIZE + 1)

struct cached_build {
    uint8_t key[BUILD_KEY_SIZE];
    int64_t bytes, used_ms; /* wall clock: it is kept over a restart */
    bool verified;          /* written or checked by this process */
    struct cached_build *prev, *next;
    UT_hash_handle hh;
};

struct build_cache {
    int dir; /* owned */
    int64_t max_bytes, keep_ms;
    _Atomic uint64_t names; /* counter, for names of files that are being written */

    pthread_mutex_t lock;
    /* guarded by lock */
    struct cached_build *by_key, *order; /* owned; the one unused for longest is first */
    struct build_recent recent;          /* artefacts of some that are in the index */
    struct build_cache_stats stats;
    bool failing; /* the last entry could not be written */
};

static void format_name(const uint8_t key[BUILD_KEY_SIZE], char out[NAME_SIZE])
{
    (void)sodium_bin2hex(out, NAME_SIZE, key, BUILD_KEY_SIZE);
}

static bool parse_name(const char *name, uint8_t ret_key[BUILD_KEY_SIZE])
{
    size_t len;

    return sodium_hex2bin(ret_key, BUILD_KEY_SIZE, name, strlen(name), NULL, &len, NULL) == 0 &&
           len == BUILD_KEY_SIZE;
}

static int64_t disk_bytes(int64_t bytes) { return (bytes + BLOCK - 1) / BLOCK * BLOCK; }

/* ---- the index ---- */

static struct cached_build *find_build_locked(struct build_cache *c,
                                              const uint8_t key[BUILD_KEY_SIZE])
{
    struct cached_build *build;

    HASH_FIND(hh, c->by_key, key, BUILD_KEY_SIZE, build);
    return build;
}

/* Removes it from the index; the file stays. */
static void unlink_build_locked(struct build_cache *c, struct cached_build *build)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an element has a neighbour */
    HASH_DEL(c->by_key, build);
    DL_DELETE(c->order, build);
    build_recent_drop(&c->recent, build->key);
    c->stats.bytes -= build->bytes;
    c->stats.entries--;
    free(build);
}

static void remove_build_locked(struct build_cache *c, struct cached_build *build)
{
    char name[NAME_SIZE];

    format_name(build->key, name);
    (void)unlinkat(c->dir, name, 0);
    unlink_build_locked(c, build);
}

static bool add_build_locked(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE],
                             int64_t bytes, int64_t used_ms, bool verified)
{
    struct cached_build *build = find_build_locked(c, key);

    if (build)
        unlink_build_locked(c, build);
    build = calloc(1, sizeof *build);
    if (!build)
        return false;
    memcpy(build->key, key, BUILD_KEY_SIZE);
    build->bytes = bytes;
    build->used_ms = used_ms;
    build->verified = verified;
    HASH_ADD(hh, c->by_key, key, BUILD_KEY_SIZE, build);
    if (!build->hh.tbl) {
        free(build);
        return false;
    }
    DL_APPEND(c->order, build);
    c->stats.bytes += bytes;
    c->stats.entries++;
    return true;
}

static void remove_expired_locked(struct build_cache *c)
{
    int64_t since_ms = clock_wall_ms() - c->keep_ms;

    while (c->keep_ms > 0 && c->order && c->order->used_ms < since_ms)
        remove_build_locked(c, c->order);
}

static bool disk_has(const struct build_cache *c, int64_t bytes)
{
    struct statvfs fs;

    return fstatvfs(c->dir, &fs) == 0 &&
           (int64_t)fs.f_bavail >= (RESERVE + bytes) / (int64_t)fs.f_frsize;
}

/* Removes entries until there is room for one more. False: there is none, though all are
 * removed. */
static bool make_room_locked(struct build_cache *c, int64_t bytes)
{
    while (c->stats.bytes + bytes > c->max_bytes || c->stats.entries >= ENTRIES_MAX ||
           !disk_has(c, bytes)) {
        if (!c->order)
            return false;
        remove_build_locked(c, c->order);
        c->stats.evicted++;
    }
    return true;
}

/* ---- finding ---- */

/* What is known of a build, and its outcome when that is in memory. */
struct known_build {
    bool known, verified, recent;
};

static struct known_build use_build(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE],
                                    struct build_outcome *ret_outcome)
{
    struct known_build found = { .known = false };

    (void)pthread_mutex_lock(&c->lock);
    remove_expired_locked(c);
    struct cached_build *build = find_build_locked(c, key);
    if (build) {
        found = (struct known_build){ .known = true,
                                      .verified = build->verified,
                                      .recent = build_recent_find(&c->recent, key, ret_outcome) };
        build->used_ms = clock_wall_ms();
        DL_DELETE(c->order, build);
        DL_APPEND(c->order, build);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return found;
}

static bool is_young(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && clock_wall_ms() / 1000 - st.st_mtim.tv_sec <= FAILURE_S;
}

/* The time of the last use is the mtime of the file, so the order is kept over a restart; a
 * failed build keeps the time when it was built. */
static bool read_entry(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE], bool verified,
                       struct build_outcome *ret_outcome)
{
    struct build_outcome outcome;
    char name[NAME_SIZE];

    format_name(key, name);
    CLEANUP(closep) int fd = openat(c->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || !build_entry_read(fd, !verified, &outcome))
        return false;
    if (outcome.artefact_fd >= 0) {
        (void)futimens(fd, NULL);
    } else if (!is_young(fd)) {
        build_outcome_clear(&outcome);
        return false;
    }
    *ret_outcome = outcome;
    return true;
}

/* outcome: NULL: it was not found. */
static void count_lookup(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE],
                         const struct known_build *what, const struct build_outcome *outcome)
{
    (void)pthread_mutex_lock(&c->lock);
    struct cached_build *build = what->known ? find_build_locked(c, key) : NULL;
    if (build && outcome) {
        build->verified = true;
        if (!what->recent)
            build_recent_add(&c->recent, key, outcome, build->bytes);
    } else if (build) {
        remove_build_locked(c, build);
    }
    if (outcome)
        c->stats.hits++;
    else
        c->stats.misses++;
    (void)pthread_mutex_unlock(&c->lock);
}

/* For a build in memory. False: its file is gone, and then it is to be built again. */
static bool touch_entry(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE])
{
    char name[NAME_SIZE];

    format_name(key, name);
    return utimensat(c->dir, name, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

bool build_cache_find(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE],
                      struct build_outcome *ret_outcome)
{
    struct build_outcome outcome = { .artefact_fd = -1 };
    const struct known_build what = use_build(c, key, &outcome);
    bool found = what.recent ? touch_entry(c, key)
                             : what.known && read_entry(c, key, what.verified, &outcome);

    count_lookup(c, key, &what, found ? &outcome : NULL);
    if (found)
        *ret_outcome = outcome;
    else
        build_outcome_clear(&outcome);
    return found;
}

bool build_cache_has(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE])
{
    (void)pthread_mutex_lock(&c->lock);
    bool has = find_build_locked(c, key);
    (void)pthread_mutex_unlock(&c->lock);
    return has;
}

/* ---- storing ---- */

static int write_entry(struct build_cache *c, const char *name, const struct build_outcome *outcome,
                       struct err *e)
{
    CLEANUP(closep) int fd = openat(c->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_errno(e, ERR_DISK, errno, "make a file for a build");
    return build_entry_write(fd, outcome, e);
}

/* Logs the first failure of a broken disk, not one for each build. */
static void log_failure(struct build_cache *c, const struct err *e)
{
    (void)pthread_mutex_lock(&c->lock);
    bool news = !c->failing && e;
    c->failing = e;
    (void)pthread_mutex_unlock(&c->lock);
    if (news)
        log_warning("build_not_kept", log_s("error", e->msg),
                    log_s("next", "the same source is built again"));
}

void build_cache_store(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE],
                       const struct build_outcome *outcome)
{
    char name[NAME_SIZE], fresh[32];
    int64_t bytes = disk_bytes(build_entry_size(outcome));
    struct err e;

    if (bytes > c->max_bytes / LARGEST_PART)
        return;
    (void)pthread_mutex_lock(&c->lock);
    bool room = make_room_locked(c, bytes);
    (void)pthread_mutex_unlock(&c->lock);
    if (!room)
        return;

    format_name(key, name);
    (void)snprintf(fresh, sizeof fresh, "new-%llu",
                   (unsigned long long)atomic_fetch_add(&c->names, 1));
    if (write_entry(c, fresh, outcome, &e) < 0) {
        (void)unlinkat(c->dir, fresh, 0);
        log_failure(c, &e);
        return;
    }
    log_failure(c, NULL);
    (void)pthread_mutex_lock(&c->lock);
    if (renameat(c->dir, fresh, c->dir, name) == 0 &&
        add_build_locked(c, key, bytes, clock_wall_ms(), true)) {
        build_recent_add(&c->recent, key, outcome, bytes);
    } else {
        (void)unlinkat(c->dir, fresh, 0);
        (void)unlinkat(c->dir, name, 0);
    }
    (void)make_room_locked(c, 0); /* others may have been stored meanwhile */
    (void)pthread_mutex_unlock(&c->lock);
}

/* ---- files of an earlier process ---- */

struct found_file {
    uint8_t key[BUILD_KEY_SIZE];
    int64_t bytes, used_ns;
};

static int compare_last_use(const void *a, const void *b)
{
    const struct found_file *x = a, *y = b;

    return (x->used_ns > y->used_ns) - (x->used_ns < y->used_ns);
}

static bool add_found_file(int dir, const char *name, struct buf *found)
{
    struct found_file file;
    struct stat st;

    if (!parse_name(name, file.key)) {
        (void)unlinkat(dir, name, 0); /* half written, or not our file */
        return true;
    }
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return true;
    file.bytes = disk_bytes(st.st_size);
    file.used_ns = (int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
    return buf_add(found, &file, sizeof file) == 0;
}

static int read_folder(int dir, struct buf *found, struct err *e)
{
    int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = own < 0 ? NULL : fdopendir(own);
    struct dirent *entry;
    bool whole = true;

    if (!d) {
        int rc = err_errno(e, ERR_DISK, errno, "read the build cache");
        closep(&own);
        return rc;
    }
    while (whole && (entry = readdir(d)))
        whole = entry->d_name[0] == '.' || add_found_file(dir, entry->d_name, found);
    (void)closedir(d);
    return whole ? 0 : err_set(e, ERR_NOMEM, "the build cache");
}

static int load_folder(struct build_cache *c, struct err *e)
{
    CLEANUP(buf_clear) struct buf found = { 0 };

    if (read_folder(c->dir, &found, e) < 0)
        return -1;
    struct found_file *file = (struct found_file *)(void *)found.data;
    size_t len = found.len / sizeof *file;
    if (len > 0)
        qsort(file, len, sizeof *file, compare_last_use);
    for (size_t i = 0; i < len; i++) {
        if (!add_build_locked(c, file[i].key, file[i].bytes, file[i].used_ns / NS_PER_MS, false))
            return err_set(e, ERR_NOMEM, "the build cache");
    }
    remove_expired_locked(c);
    (void)make_room_locked(c, 0);
    return 0;
}

/* ---- open and close ---- */

int build_cache_open(const char *dir, int64_t max_bytes, int64_t keep_ms,
                     struct build_cache **ret_cache, struct err *e)
{
    CLEANUP(closep) int parent = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (parent < 0 || (mkdirat(parent, FOLDER, 0700) < 0 && errno != EEXIST))
        return err_errno(e, ERR_DISK, errno, "make %s/" FOLDER, dir);
    struct build_cache *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(e, ERR_NOMEM, "the build cache");
    (void)pthread_mutex_init(&c->lock, NULL);
    c->max_bytes = max_bytes;
    c->keep_ms = keep_ms;
    c->dir = openat(parent, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int rc = c->dir < 0 ? err_errno(e, ERR_DISK, errno, "open %s/" FOLDER, dir) : load_folder(c, e);
    if (rc < 0)
        (void)build_cache_free(c);
    else
        *ret_cache = c;
    return rc;
}

struct build_cache *build_cache_free(struct build_cache *c)
{
    if (!c)
        return NULL;
    while (c->order)
        unlink_build_locked(c, c->order);
    build_recent_clear(&c->recent);
    closep(&c->dir);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}

void build_cache_stats(struct build_cache *c, struct build_cache_stats *ret_stats)
{
    (void)pthread_mutex_lock(&c->lock);
    *ret_stats = c->stats;
    (void)pthread_mutex_unlock(&c->lock);
}
