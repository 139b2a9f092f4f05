/* tests/unit/test_build_cache.c - builds on disk: what comes back, what goes first, and what is
 * believed of an earlier process. */
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
#include "engine/build/build_recent.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "tests/support/assert_err.h"
#include "tests/support/builds.h"
#include "tests/support/scratch.h"

/* ---- found again ---- */

static void a_build_is_found_again(void **state)
{
    struct builds *w = *state;
    static char large[300000];

    memset(large, 'x', sizeof large);
    large[0] = large[sizeof large - 1] = 'y';
    builds_store(w, 1, "a warning\n", large, sizeof large);
    builds_store(w, 2, "error: no\n", NULL, 0);
    builds_store(w, 3, "", "", 0);
    builds_expect(w, 1, "a warning\n", large, sizeof large);
    builds_expect(w, 2, "error: no\n", NULL, 0);
    builds_expect(w, 3, "", "", 0);
    assert_false(builds_has(w, 4));
    struct build_cache_stats s = builds_stats(w);
    assert_int_equal(s.entries, 3);
    assert_int_equal(s.hits, 3);
    assert_int_equal(s.misses, 1);
    assert_int_equal(s.bytes, (74 + 1 + 1) * BUILDS_BLOCK);

    builds_start_again(w, 64 * MIB);
    assert_int_equal(builds_stats(w).bytes, (74 + 1 + 1) * BUILDS_BLOCK);
    builds_expect(w, 1, "a warning\n", large, sizeof large);
    builds_expect(w, 2, "error: no\n", NULL, 0);
    builds_expect(w, 1, "a warning\n", large, sizeof large);
}

static void the_same_key_replaces(void **state)
{
    struct builds *w = *state;

    builds_store(w, 1, "first", NULL, 0);
    builds_store(w, 1, "second", NULL, 0);
    builds_expect(w, 1, "second", NULL, 0);
    assert_int_equal(builds_stats(w).entries, 1);
    assert_int_equal(builds_stats(w).bytes, BUILDS_BLOCK);
    assert_int_equal(builds_files(w), 1);
}

/* ---- removed ---- */

static void the_longest_unused_are_removed_first(void **state)
{
    struct builds *w = *state;

    builds_start_again(w, 16 * BUILDS_BLOCK);
    for (int i = 0; i < 16; i++)
        builds_store_blocks(w, i, 1);
    assert_int_equal(builds_stats(w).evicted, 0);
    assert_true(builds_has(w, 0)); /* used: 1 is the oldest now */
    builds_store_blocks(w, 16, 1);
    assert_false(builds_has(w, 1));
    assert_true(builds_has(w, 0) && builds_has(w, 2) && builds_has(w, 16));
    assert_int_equal(builds_stats(w).evicted, 1);
    assert_int_equal(builds_stats(w).bytes, 16 * BUILDS_BLOCK);
    assert_int_equal(builds_files(w), 16);
}

static void set_time(struct builds *w, int n, time_t used)
{
    const struct timespec times[2] = { { .tv_sec = used }, { .tv_sec = used } };

    assert_int_equal(utimensat(AT_FDCWD, builds_path(w, n), times, 0), 0);
}

/* By the mtime of the files. */
static void the_order_outlives_the_process(void **state)
{
    struct builds *w = *state;

    builds_start_again(w, 16 * BUILDS_BLOCK);
    for (int i = 0; i < 16; i++) {
        builds_store_blocks(w, i, 1);
        set_time(w, i, 1000 + i);
    }
    assert_true(builds_has(w, 0));
    builds_start_again(w, 16 * BUILDS_BLOCK);
    builds_store_blocks(w, 16, 1);
    assert_false(builds_has(w, 1));
    assert_true(builds_has(w, 0) && builds_has(w, 2));
}

static void unused_builds_expire(void **state)
{
    struct builds *w = *state;
    time_t now = time(NULL);

    for (int i = 0; i < 3; i++)
        builds_store_blocks(w, i, 1);
    set_time(w, 0, now - 1000);
    set_time(w, 1, now - 100);
    w->cache = build_cache_free(w->cache);
    builds_start_keeping(w, 64 * MIB, 500 * 1000);
    assert_int_equal(builds_files(w), 2);
    assert_true(builds_has(w, 1) && builds_has(w, 2) && !builds_has(w, 0));

    w->cache = build_cache_free(w->cache);
    builds_start_keeping(w, 64 * MIB, 1);
    int64_t end = clock_mono_ns() + 10 * NS_PER_S;
    while (builds_stats(w).entries > 0) {
        assert_true(clock_mono_ns() < end);
        assert_false(builds_has(w, 9)); /* whatever is asked for */
    }
    assert_int_equal(builds_files(w), 0);
    assert_int_equal(builds_stats(w).evicted, 0);
}

static void a_failure_is_kept_for_an_hour(void **state)
{
    struct builds *w = *state;
    time_t now = time(NULL);
    struct stat st;

    for (int i = 0; i < 2; i++)
        builds_store(w, i, "error: the machine was short of something", NULL, 0);
    builds_store_blocks(w, 2, 1);
    set_time(w, 0, now - 3500);
    set_time(w, 1, now - 3700);
    set_time(w, 2, now - 3700);
    assert_true(builds_has(w, 0) && builds_has(w, 2));
    assert_int_equal(stat(builds_path(w, 0), &st), 0);
    assert_int_equal(st.st_mtime, now - 3500); /* use makes it no younger */
    assert_false(builds_has(w, 1));
    assert_int_equal(builds_files(w), 2);
    set_time(w, 2, now);
    set_time(w, 0, now - 3700);
    assert_false(builds_has(w, 0));
}

static void a_smaller_limit_shrinks_it(void **state)
{
    struct builds *w = *state;

    for (int i = 0; i < 32; i++)
        builds_store_blocks(w, i, 2);
    builds_start_again(w, 32 * BUILDS_BLOCK);
    assert_int_equal(builds_stats(w).bytes, 32 * BUILDS_BLOCK);
    assert_int_equal(builds_files(w), 16);
}

static void one_does_not_push_out_all(void **state)
{
    struct builds *w = *state;

    builds_start_again(w, 32 * BUILDS_BLOCK);
    builds_store_blocks(w, 1, 2);
    builds_store_blocks(w, 2, 3); /* more than a sixteenth */
    assert_true(builds_has(w, 1));
    assert_false(builds_has(w, 2));
    assert_int_equal(builds_files(w), 1);
}

/* ---- damaged files ---- */

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

/* After a power failure a file may have any bytes: each change is noticed, and the file is
 * removed. */
static void a_damaged_file_is_not_found(void **state)
{
    struct builds *w = *state;
    static const off_t places[] = { 0, 8, 12, 20, 24, 28, 40, 65, -1 };

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        builds_store(w, 1, "the log", "artefact", 8);
        change(builds_path(w, 1), places[i]);
        builds_start_again(w, 64 * MIB);
        if (builds_has(w, 1))
            fail_msg("a change at %ld was not seen", (long)places[i]);
        assert_int_equal(builds_files(w), 0);
        assert_int_equal(builds_stats(w).entries, 0);
    }
}

static void a_truncated_file_is_not_found(void **state)
{
    struct builds *w = *state;
    struct stat st;

    builds_store(w, 1, "the log", "artefact", 8);
    assert_int_equal(stat(builds_path(w, 1), &st), 0);
    for (off_t size = 0; size < st.st_size; size += 3) {
        builds_store(w, 1, "the log", "artefact", 8);
        assert_int_equal(truncate(builds_path(w, 1), size), 0);
        builds_start_again(w, 64 * MIB);
        assert_false(builds_has(w, 1));
        assert_int_equal(builds_files(w), 0);
    }
}

static void all_may_be_deleted(void **state)
{
    struct builds *w = *state;

    builds_store(w, 1, "x", NULL, 0);
    assert_int_equal(unlink(builds_path(w, 1)), 0);
    assert_false(builds_has(w, 1));
    assert_int_equal(builds_stats(w).entries, 0);
    builds_store(w, 1, "x", NULL, 0);
    assert_true(builds_has(w, 1));

    scratch_remove(w->dir);
    assert_false(builds_has(w, 1));
    builds_store(w, 2, "x", NULL, 0); /* its folder is gone: it is not kept, and nothing is wrong */
    assert_false(builds_has(w, 2));
    assert_int_equal(builds_stats(w).bytes, 0);
    assert_int_equal(mkdir(w->dir, 0700), 0);
}

static void half_written_files_are_removed(void **state)
{
    struct builds *w = *state;
    char path[100];

    builds_store(w, 1, "x", NULL, 0);
    (void)snprintf(path, sizeof path, "%s/builds/new-3", w->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    builds_start_again(w, 64 * MIB);
    assert_int_equal(builds_files(w), 1);
    assert_true(builds_has(w, 1));
}

/* ---- in memory ---- */

static ino_t inode(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

/* The artefact of build n: one inode while it is in memory. 0: it is not found. */
static ino_t artefact_inode(struct builds *w, int n)
{
    struct build_outcome outcome = { .artefact_fd = -1 };

    if (!build_cache_find(w->cache, builds_key(n), &outcome))
        return 0;
    ino_t found = inode(outcome.artefact_fd);
    build_outcome_clear(&outcome);
    return found;
}

static void those_used_last_are_in_memory(void **state)
{
    struct builds *w = *state;
    static char large[17 * MIB];

    builds_start_again(w, GIB);
    builds_store(w, 1, "its log", "artefact", 8);
    ino_t first = artefact_inode(w, 1);
    assert_int_equal(artefact_inode(w, 1), first);
    builds_expect(w, 1, "its log", "artefact", 8);
    builds_start_again(w, GIB); /* from the disk once, then from memory */
    first = artefact_inode(w, 1);
    assert_int_equal(artefact_inode(w, 1), first);

    /* Others take its place: 65 small ones, or so much. */
    for (int i = 2; i < 2 + BUILD_RECENT_MAX; i++)
        builds_store(w, i, "", "artefact", 8);
    assert_int_not_equal(artefact_inode(w, 1), first);
    first = artefact_inode(w, 1);
    for (int i = 100; i < 105; i++)
        builds_store(w, i, "", large, 15 * MIB);
    assert_int_not_equal(artefact_inode(w, 1), first);

    builds_store(w, 3, "", large, sizeof large); /* too large to be kept there */
    first = artefact_inode(w, 3);
    assert_int_not_equal(artefact_inode(w, 3), first);

    /* Its file is what counts. */
    builds_store(w, 4, "", "artefact", 8);
    assert_int_equal(unlink(builds_path(w, 4)), 0);
    assert_int_equal(artefact_inode(w, 4), 0);
}

/* ---- several at once ---- */

static void *work(void *arg)
{
    struct builds *w = arg;

    for (int i = 0; i < 300; i++) {
        struct build_outcome outcome = { .artefact_fd = -1 };
        int n = i * 7 % 24;
        uint8_t k[BUILD_KEY_SIZE] = { (uint8_t)n };
        if (build_cache_find(w->cache, k, &outcome)) {
            if (outcome.exit_code != n)
                abort();
            build_outcome_clear(&outcome);
            continue;
        }
        outcome = (struct build_outcome){ .artefact_fd = -1, .exit_code = n };
        build_cache_store(w->cache, k, &outcome);
    }
    return NULL;
}

static void threads_share_it(void **state)
{
    struct builds *w = *state;
    pthread_t threads[4];

    builds_start_again(w, 16 * BUILDS_BLOCK); /* less than they store */
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, w), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        (void)pthread_join(threads[i], NULL);
    struct build_cache_stats s = builds_stats(w);
    assert_int_equal(s.hits + s.misses, 4 * 300);
    assert_int_equal(s.bytes, s.entries * BUILDS_BLOCK);
    assert_true(s.bytes <= 16 * BUILDS_BLOCK);
    assert_int_equal(builds_files(w), s.entries);
}

static void the_folder_must_be_writable(void **state)
{
    struct build_cache *c = NULL;
    struct err e;
    (void)state;

    assert_int_equal(build_cache_open("/nonexistent", MIB, 0, &c, &e), -1);
    assert_int_equal(e.kind, ERR_DISK);
    assert_non_null(strstr(e.msg, "/nonexistent/builds"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        ON_BUILDS(a_build_is_found_again),
        ON_BUILDS(the_same_key_replaces),
        ON_BUILDS(the_longest_unused_are_removed_first),
        ON_BUILDS(the_order_outlives_the_process),
        ON_BUILDS(unused_builds_expire),
        ON_BUILDS(a_failure_is_kept_for_an_hour),
        ON_BUILDS(a_smaller_limit_shrinks_it),
        ON_BUILDS(one_does_not_push_out_all),
        ON_BUILDS(a_damaged_file_is_not_found),
        ON_BUILDS(a_truncated_file_is_not_found),
        ON_BUILDS(all_may_be_deleted),
        ON_BUILDS(half_written_files_are_removed),
        ON_BUILDS(those_used_last_are_in_memory),
        ON_BUILDS(threads_share_it),
        ON_BUILDS(the_folder_must_be_writable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
