#include "engine/build/build_share.h"

#include <pthread.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* out of memory: the element is not added */
#define HASH_FUNCTION(key, len, out)                                                               \
    memcpy(&(out), key, sizeof(out)) /* the key is a hash already */
#include <uthash.h>
#include <utlist.h>

#include "engine/build/build_outcome.h"
#include "engine/pool/lease.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/thread.h"

/* Outcomes that wait for the disk are in memory; when there are so many, the worker writes its own,
 * so that workers are no faster than the disk. */
#define UNWRITTEN_MAX 32
#define ABORT_NS      (50 * NS_PER_MS) /* how soon one that waits notices that it was aborted */

/* A build in progress, or its outcome until that is in the cache. */
struct shared_build {
    uint8_t key[BUILD_KEY_SIZE];
    bool built;
    struct build_outcome outcome;     /* owned, when it is built */
    struct shared_build *prev, *next; /* in the list of what is to be written */
    UT_hash_handle hh;
};

struct build_share {
    struct build_cache *cache; /* owned */
    pthread_t writer;
    bool has_writer;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a build has ended */
    pthread_cond_t work;    /* wakes the writer */
    /* guarded by lock */
    bool stopping;
    struct shared_build *by_key, *unwritten; /* owned by by_key */
    int unwritten_len;
    int64_t shared; /* outcomes given out from memory */
};

static struct shared_build *find_locked(struct build_share *s, const uint8_t key[BUILD_KEY_SIZE])
{
    struct shared_build *b;

    HASH_FIND(hh, s->by_key, key, BUILD_KEY_SIZE, b);
    return b;
}

static void remove_locked(struct build_share *s, struct shared_build *b)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an element has a neighbour */
    HASH_DEL(s->by_key, b);
    if (b->built)
        build_outcome_clear(&b->outcome);
    free(b);
}

/* Without memory for it the build is not shared. */
static void add_locked(struct build_share *s, const uint8_t key[BUILD_KEY_SIZE])
{
    struct shared_build *b = calloc(1, sizeof *b);

    if (!b)
        return;
    memcpy(b->key, key, BUILD_KEY_SIZE);
    HASH_ADD(hh, s->by_key, key, BUILD_KEY_SIZE, b);
    if (!b->hh.tbl)
        free(b);
}

/* ---- finding ---- */

/* Waits while another thread builds this. 1: *ret_outcome is the caller's; 0: nobody builds it;
 * -1. */
static int await_build_locked(struct build_share *s, struct lease *lease,
                              const uint8_t key[BUILD_KEY_SIZE], struct build_outcome *ret_outcome,
                              struct err *e)
{
    struct shared_build *b;

    while ((b = find_locked(s, key)) && !b->built) {
        if (lease_is_aborted(lease))
            return err_set(e, ERR_CANCELLED, "stopped while it waited for the same build");
        (void)clock_cond_wait(&s->changed, &s->lock, clock_mono_ns() + ABORT_NS);
    }
    if (!b || !build_outcome_copy(&b->outcome, ret_outcome))
        return 0;
    s->shared++;
    return 1;
}

/* The caller begins to build. False: another thread has built it meanwhile, and it is in the cache.
 */
static bool begin_locked(struct build_share *s, const uint8_t key[BUILD_KEY_SIZE])
{
    if (build_cache_has(s->cache, key))
        return false;
    if (!find_locked(s, key))
        add_locked(s, key);
    return true;
}

int build_share_find(struct build_share *s, struct lease *lease, const uint8_t key[BUILD_KEY_SIZE],
                     struct build_outcome *ret_outcome, struct err *e)
{
    for (bool begun = false; !begun;) {
        (void)pthread_mutex_lock(&s->lock);
        int found = await_build_locked(s, lease, key, ret_outcome, e);
        (void)pthread_mutex_unlock(&s->lock);
        if (found != 0)
            return found;
        if (build_cache_find(s->cache, key, ret_outcome)) /* reads a file, so without the lock */
            return 1;
        (void)pthread_mutex_lock(&s->lock);
        found = await_build_locked(s, lease, key, ret_outcome, e);
        begun = found == 0 && begin_locked(s, key);
        (void)pthread_mutex_unlock(&s->lock);
        if (found != 0)
            return found;
    }
    return 0;
}

/* ---- ending ---- */

/* False: it is not kept here, and whoever waits builds. */
static bool keep_locked(struct build_share *s, struct shared_build *b,
                        const struct build_outcome *outcome)
{
    if (!outcome || !outcome->repeatable || s->unwritten_len >= UNWRITTEN_MAX || !s->has_writer ||
        !build_outcome_copy(outcome, &b->outcome))
        return false;
    b->built = true;
    DL_APPEND(s->unwritten, b);
    s->unwritten_len++;
    (void)pthread_cond_signal(&s->work);
    return true;
}

void build_share_end(struct build_share *s, const uint8_t key[BUILD_KEY_SIZE],
                     const struct build_outcome *outcome)
{
    (void)pthread_mutex_lock(&s->lock);
    struct shared_build *b = find_locked(s, key);
    bool kept = b && !b->built && keep_locked(s, b, outcome);
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    if (kept)
        return;
    if (outcome && outcome->repeatable)
        build_cache_store(s->cache, key, outcome);
    (void)pthread_mutex_lock(&s->lock);
    b = find_locked(s, key);
    if (b && !b->built)
        remove_locked(s, b);
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

static void write_first_locked(struct build_share *s)
{
    struct shared_build *b = s->unwritten; /* only this thread removes it */

    (void)pthread_mutex_unlock(&s->lock);
    build_cache_store(s->cache, b->key, &b->outcome);
    (void)pthread_mutex_lock(&s->lock);
    DL_DELETE(s->unwritten, b);
    s->unwritten_len--;
    remove_locked(s, b);
}

static void *writer_main(void *arg)
{
    struct build_share *s = arg;

    thread_name("build-writer");
    (void)pthread_mutex_lock(&s->lock);
    while (s->unwritten || !s->stopping) {
        if (s->unwritten)
            write_first_locked(s);
        else
            (void)pthread_cond_wait(&s->work, &s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- open and close ---- */

int build_share_open(const char *dir, int64_t max_bytes, int64_t keep_ms,
                     struct build_share **ret_share, struct err *e)
{
    struct build_share *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ERR_NOMEM, "the build cache");
    if (build_cache_open(dir, max_bytes, keep_ms, &s->cache, e) < 0) {
        free(s);
        return -1;
    }
    (void)pthread_mutex_init(&s->lock, NULL);
    clock_cond_init(&s->changed);
    clock_cond_init(&s->work);
    /* Without the thread each worker writes its own outcomes. */
    s->has_writer = thread_start(&s->writer, writer_main, s) == 0;
    *ret_share = s;
    return 0;
}

struct build_share *build_share_free(struct build_share *s)
{
    if (!s)
        return NULL;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_cond_signal(&s->work);
    (void)pthread_mutex_unlock(&s->lock);
    if (s->has_writer)
        (void)pthread_join(s->writer, NULL);
    while (s->by_key)
        remove_locked(s, s->by_key);
    (void)build_cache_free(s->cache);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_cond_destroy(&s->work);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
    return NULL;
}

void build_share_stats(struct build_share *s, struct build_cache_stats *ret_stats)
{
    build_cache_stats(s->cache, ret_stats);
    (void)pthread_mutex_lock(&s->lock);
    ret_stats->hits += s->shared;
    (void)pthread_mutex_unlock(&s->lock);
}
