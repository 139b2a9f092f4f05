/* Builds on disk: what comes back, what goes first, and what is believed of an earlier process. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/build/build_cache.h"
#include "engine/build/build_outcome.h"
#include "engine/cell/cell.h"
#include "engine/cell/cell_memfd.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "tests/support/assert_err.h"
#include "tests/support/scratch.h"

#define BLOCK 4096

struct world {
    char dir[64];
    struct build_cache *cache;
};

static void start_keeping(struct world *w, int64_t max_bytes, int64_t keep_ms)
{
    struct err e;

    if (build_cache_open(w->dir, max_bytes, keep_ms, &w->cache, &e) < 0)
        fail_msg("%s", e.msg);
}
static void start(struct world *w, int64_t max_bytes) { start_keeping(w, max_bytes, 0); }

static void start_again(struct world *w, int64_t max_bytes)
{
    w->cache = build_cache_free(w->cache);
    start(w, max_bytes);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    if (!w || text_init() < 0)
        return -1;
    (void)strcpy(w->dir, "/tmp/scrc-builds.XXXXXX");
    if (!mkdtemp(w->dir))
        return -1;
    start(w, 64 * MIB);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    (void)build_cache_free(w->cache);
    scratch_remove(w->dir);
    free(w);
    return 0;
}

/* A key, of which the first byte tells it from others. */
static const uint8_t *key(int n)
{
    static _Thread_local uint8_t k[BUILD_KEY_SIZE];

    memset(k, 0x5a, sizeof k);
    k[0] = (uint8_t)n;
    return k;
}

static char *path_of(const struct world *w, int n)
{
    static char path[200];
    int len = snprintf(path, sizeof path, "%s/builds/", w->dir);

    for (int i = 0; i < BUILD_KEY_SIZE; i++)
        len += snprintf(path + len, sizeof path - (size_t)len, "%02x", key(n)[i]);
    return path;
}

/* artefact NULL: it did not build. */
static void store(struct world *w, int n, const char *log, const void *artefact, size_t len)
{
    struct build_outcome o = { .artefact_fd = -1, .exit_code = artefact ? 0 : 7 };
    struct err e;

    assert_int_equal(buf_add(&o.log, log, strlen(log)), 0);
    if (artefact) {
        o.artefact_fd = cell_memfd("artefact", artefact, len, &e);
        assert_true(o.artefact_fd >= 0);
    }
    build_cache_store(w->cache, key(n), &o);
    build_outcome_clear(&o);
}

static void store_blocks(struct world *w, int n, size_t blocks)
{
    char *bytes = calloc(blocks, BLOCK);

    assert_non_null(bytes);
    bytes[0] = (char)n;
    store(w, n, "", bytes, blocks * BLOCK - 200); /* with its head: so many whole blocks */
    free(bytes);
}

static bool has(struct world *w, int n)
{
    struct build_outcome o;

    if (!build_cache_find(w->cache, key(n), &o))
        return false;
    build_outcome_clear(&o);
    return true;
}

static struct build_cache_stats stats(struct world *w)
{
    struct build_cache_stats s;

    build_cache_stats(w->cache, &s);
    return s;
}

static int files(const struct world *w)
{
    char path[100];
    int n = 0;

    (void)snprintf(path, sizeof path, "%s/builds", w->dir);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (const struct dirent *x; (x = readdir(d));)
        n += x->d_name[0] != '.';
    (void)closedir(d);
    return n;
}

/* ---- what comes back ---- */

static void expect(struct world *w, int n, const char *log, const char *artefact, size_t len)
{
    struct build_outcome o = { .artefact_fd = -7 };
    char *got = malloc(len + 1);
    struct stat st;

    assert_true(build_cache_find(w->cache, key(n), &o));
    assert_int_equal(o.log.len, strlen(log));
    assert_memory_equal(o.log.len ? o.log.data : "", log, o.log.len);
    if (artefact) {
        assert_int_equal(o.exit_code, 0);
        assert_int_equal(fstat(o.artefact_fd, &st), 0);
        assert_int_equal(st.st_size, len);
        assert_int_equal(pread(o.artefact_fd, got, len, 0), len);
        assert_memory_equal(got, artefact, len);
        /* As a build leaves it: nobody can change it any more. */
        assert_int_equal(fcntl(o.artefact_fd, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE);
        assert_int_equal(fcntl(o.artefact_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    } else {
        assert_int_equal(o.exit_code, 7);
        assert_int_equal(o.artefact_fd, -1);
    }
    free(got);
    build_outcome_clear(&o);
}

static void what_was_built_comes_back(void **state)
{
    struct world *w = *state;
    static char large[300000];

    memset(large, 'x', sizeof large);
    large[0] = large[sizeof large - 1] = 'y';
    store(w, 1, "a warning\n", large, sizeof large);
    store(w, 2, "error: no\n", NULL, 0);
    store(w, 3, "", "", 0);
    expect(w, 1, "a warning\n", large, sizeof large);
    expect(w, 2, "error: no\n", NULL, 0);
    expect(w, 3, "", "", 0);
    assert_false(has(w, 4));
    struct build_cache_stats s = stats(w);
    assert_int_equal(s.entries, 3);
    assert_int_equal(s.hits, 3);
    assert_int_equal(s.misses, 1);
    assert_int_equal(s.bytes, (74 + 1 + 1) * BLOCK);

    start_again(w, 64 * MIB);
    assert_int_equal(stats(w).bytes, (74 + 1 + 1) * BLOCK);
    expect(w, 1, "a warning\n", large, sizeof large);
    expect(w, 2, "error: no\n", NULL, 0);
    expect(w, 1, "a warning\n", large, sizeof large);
}

static void the_same_key_again_is_one(void **state)
{
    struct world *w = *state;

    store(w, 1, "first", NULL, 0);
    store(w, 1, "second", NULL, 0);
    expect(w, 1, "second", NULL, 0);
    assert_int_equal(stats(w).entries, 1);
    assert_int_equal(stats(w).bytes, BLOCK);
    assert_int_equal(files(w), 1);
}

/* ---- what goes ---- */

static void the_longest_unused_go_first(void **state)
{
    struct world *w = *state;

    start_again(w, 16 * BLOCK);
    for (int i = 0; i < 16; i++)
        store_blocks(w, i, 1);
    assert_int_equal(stats(w).evicted, 0);
    assert_true(has(w, 0)); /* used: 1 is the oldest now */
    store_blocks(w, 16, 1);
    assert_false(has(w, 1));
    assert_true(has(w, 0) && has(w, 2) && has(w, 16));
    assert_int_equal(stats(w).evicted, 1);
    assert_int_equal(stats(w).bytes, 16 * BLOCK);
    assert_int_equal(files(w), 16);
}

static void set_time(struct world *w, int n, time_t used)
{
    const struct timespec times[2] = { { .tv_sec = used }, { .tv_sec = used } };

    assert_int_equal(utimensat(AT_FDCWD, path_of(w, n), times, 0), 0);
}

/* By the times of the files. */
static void the_order_outlives_the_process(void **state)
{
    struct world *w = *state;

    start_again(w, 16 * BLOCK);
    for (int i = 0; i < 16; i++) {
        store_blocks(w, i, 1);
        set_time(w, i, 1000 + i);
    }
    assert_true(has(w, 0));
    start_again(w, 16 * BLOCK);
    store_blocks(w, 16, 1);
    assert_false(has(w, 1));
    assert_true(has(w, 0) && has(w, 2));
}

static void what_is_not_used_goes_in_time(void **state)
{
    struct world *w = *state;
    time_t now = time(NULL);

    for (int i = 0; i < 3; i++)
        store_blocks(w, i, 1);
    set_time(w, 0, now - 1000);
    set_time(w, 1, now - 100);
    w->cache = build_cache_free(w->cache);
    start_keeping(w, 64 * MIB, 500 * 1000);
    assert_int_equal(files(w), 2);
    assert_true(has(w, 1) && has(w, 2) && !has(w, 0));

    w->cache = build_cache_free(w->cache);
    start_keeping(w, 64 * MIB, 1);
    int64_t end = clock_mono_ns() + 10 * NS_PER_S;
    while (stats(w).entries > 0) {
        assert_true(clock_mono_ns() < end);
        assert_false(has(w, 9)); /* whatever is asked for */
    }
    assert_int_equal(files(w), 0);
    assert_int_equal(stats(w).evicted, 0);
}

static void a_failure_is_believed_for_an_hour(void **state)
{
    struct world *w = *state;
    time_t now = time(NULL);
    struct stat st;

    for (int i = 0; i < 2; i++)
        store(w, i, "error: the machine was short of something", NULL, 0);
    store_blocks(w, 2, 1);
    set_time(w, 0, now - 3500);
    set_time(w, 1, now - 3700);
    set_time(w, 2, now - 3700);
    assert_true(has(w, 0) && has(w, 2));
    assert_int_equal(stat(path_of(w, 0), &st), 0);
    assert_int_equal(st.st_mtime, now - 3500); /* use makes it no younger */
    assert_false(has(w, 1));
    assert_int_equal(files(w), 2);
    set_time(w, 2, now);
    set_time(w, 0, now - 3700);
    assert_false(has(w, 0));
}

static void a_smaller_limit_shrinks_it(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 32; i++)
        store_blocks(w, i, 2);
    start_again(w, 32 * BLOCK);
    assert_int_equal(stats(w).bytes, 32 * BLOCK);
    assert_int_equal(files(w), 16);
}

static void one_does_not_push_out_all(void **state)
{
    struct world *w = *state;

    start_again(w, 32 * BLOCK);
    store_blocks(w, 1, 2);
    store_blocks(w, 2, 3); /* more than a sixteenth */
    assert_true(has(w, 1));
    assert_false(has(w, 2));
    assert_int_equal(files(w), 1);
}

/* ---- what is believed ---- */

static void change(const char *path, off_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char byte;

    assert_true(fd >= 0);
    if (at < 0)
        at += lseek(fd, 0, SEEK_END);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 1);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

/* After a power cut a file may have any bytes: each is noticed, and the file is gone. */
static void what_is_not_whole_is_not_there(void **state)
{
    struct world *w = *state;
    static const off_t places[] = { 0, 8, 12, 20, 24, 28, 40, 65, -1 };

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        store(w, 1, "the log", "artefact", 8);
        change(path_of(w, 1), places[i]);
        start_again(w, 64 * MIB);
        if (has(w, 1))
            fail_msg("a change at %ld was not seen", (long)places[i]);
        assert_int_equal(files(w), 0);
        assert_int_equal(stats(w).entries, 0);
    }
}

static void what_is_cut_short_is_not_there(void **state)
{
    struct world *w = *state;
    struct stat st;

    store(w, 1, "the log", "artefact", 8);
    assert_int_equal(stat(path_of(w, 1), &st), 0);
    for (off_t size = 0; size < st.st_size; size += 3) {
        store(w, 1, "the log", "artefact", 8);
        assert_int_equal(truncate(path_of(w, 1), size), 0);
        assert_false(has(w, 1)); /* also in the process that wrote it */
        assert_int_equal(files(w), 0);
    }
}

static void all_may_be_deleted(void **state)
{
    struct world *w = *state;

    store(w, 1, "x", NULL, 0);
    assert_int_equal(unlink(path_of(w, 1)), 0);
    assert_false(has(w, 1));
    assert_int_equal(stats(w).entries, 0);
    store(w, 1, "x", NULL, 0);
    assert_true(has(w, 1));

    scratch_remove(w->dir);
    assert_false(has(w, 1));
    store(w, 2, "x", NULL, 0); /* its folder is gone: it is not kept, and nothing is wrong */
    assert_false(has(w, 2));
    assert_int_equal(stats(w).bytes, 0);
    assert_int_equal(mkdir(w->dir, 0700), 0);
}

static void what_is_half_written_is_swept(void **state)
{
    struct world *w = *state;
    char path[100];

    store(w, 1, "x", NULL, 0);
    (void)snprintf(path, sizeof path, "%s/builds/new-3", w->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    start_again(w, 64 * MIB);
    assert_int_equal(files(w), 1);
    assert_true(has(w, 1));
}

/* ---- several at once ---- */

static void *work(void *arg)
{
    struct world *w = arg;

    for (int i = 0; i < 300; i++) {
        struct build_outcome o = { .artefact_fd = -1 };
        int n = i * 7 % 24;
        uint8_t k[BUILD_KEY_SIZE] = { (uint8_t)n };
        if (build_cache_find(w->cache, k, &o)) {
            if (o.exit_code != n)
                abort();
            build_outcome_clear(&o);
            continue;
        }
        o = (struct build_outcome){ .artefact_fd = -1, .exit_code = n };
        build_cache_store(w->cache, k, &o);
    }
    return NULL;
}

static void threads_share_it(void **state)
{
    struct world *w = *state;
    pthread_t threads[4];

    start_again(w, 16 * BLOCK); /* less than they store */
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, w), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        (void)pthread_join(threads[i], NULL);
    struct build_cache_stats s = stats(w);
    assert_int_equal(s.hits + s.misses, 4 * 300);
    assert_int_equal(s.bytes, s.entries * BLOCK);
    assert_true(s.bytes <= 16 * BLOCK);
    assert_int_equal(files(w), s.entries);
}

static void it_must_have_a_place(void **state)
{
    struct build_cache *c = NULL;
    struct err e;
    (void)state;

    assert_int_equal(build_cache_open("/nonexistent", MIB, 0, &c, &e), -1);
    assert_int_equal(e.kind, ERR_DISK);
    assert_non_null(strstr(e.msg, "/nonexistent/builds"));
}

#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_WORLD(what_was_built_comes_back),
        IN_WORLD(the_same_key_again_is_one),
        IN_WORLD(the_longest_unused_go_first),
        IN_WORLD(the_order_outlives_the_process),
        IN_WORLD(what_is_not_used_goes_in_time),
        IN_WORLD(a_failure_is_believed_for_an_hour),
        IN_WORLD(a_smaller_limit_shrinks_it),
        IN_WORLD(one_does_not_push_out_all),
        IN_WORLD(what_is_not_whole_is_not_there),
        IN_WORLD(what_is_cut_short_is_not_there),
        IN_WORLD(all_may_be_deleted),
        IN_WORLD(what_is_half_written_is_swept),
        IN_WORLD(threads_share_it),
        IN_WORLD(it_must_have_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
