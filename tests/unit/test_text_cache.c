/* tests/unit/test_text_cache.c - texts on a server's own disk: found again, never wrong, never too
 * many, never in the way. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/bytes.h"
#include "schema/base/clock.h"
#include "schema/store/text_cache.h"
#include "tests/support/assert_err.h"
#include "tests/support/scratch.h"

#define PATIENCE_NS (20 * NS_PER_S)

struct cached {
    char dir[64];
    struct text_cache_limits limits;
    struct text_cache *cache;
};

static int setup(void **state)
{
    struct cached *c = calloc(1, sizeof *c);

    (void)snprintf(c->dir, sizeof c->dir, "/tmp/test_text_cache.XXXXXX");
    assert_non_null(mkdtemp(c->dir));
    c->limits = (struct text_cache_limits){ .max_bytes = 1 * MIB };
    c->cache = text_cache_open(c->dir, &c->limits);
    assert_non_null(c->cache);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct cached *c = *state;

    c->cache = text_cache_close(c->cache);
    scratch_remove(c->dir);
    free(c);
    return 0;
}
#define CACHED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void reopen(struct cached *c)
{
    c->cache = text_cache_close(c->cache);
    c->cache = text_cache_open(c->dir, &c->limits);
    assert_non_null(c->cache);
}

/* Text n, of so many bytes. */
static void make_text(char *out, size_t len, int n, uint8_t hash[TEXT_HASH_SIZE])
{
    memset(out, 'a' + n % 26, len);
    (void)snprintf(out, len, "%d", n);
    text_hash(out, len, hash);
}

static void put(struct cached *c, size_t len, int n)
{
    uint8_t hash[TEXT_HASH_SIZE];
    CLEANUP(freep) char *text = malloc(len);

    make_text(text, len, n, hash);
    text_cache_put(c->cache, hash, text, len);
}

static bool has(struct cached *c, size_t len, int n)
{
    uint8_t hash[TEXT_HASH_SIZE];
    CLEANUP(freep) char *text = malloc(len);
    CLEANUP(bytes_clear) struct bytes found = { 0 };

    make_text(text, len, n, hash);
    if (!text_cache_get(c->cache, hash, &found))
        return false;
    assert_int_equal(found.len, len);
    assert_memory_equal(found.data, text, len);
    assert_int_equal(found.data[len], '\0');
    return true;
}

static void wait_for_text(struct cached *c, size_t len, int n)
{
    int64_t until = clock_mono_ns() + PATIENCE_NS;

    while (!has(c, len, n)) {
        assert_true(clock_mono_ns() < until);
        (void)poll(NULL, 0, 2);
    }
}

static void path_of(const struct cached *c, size_t len, int n, char out[200])
{
    uint8_t hash[TEXT_HASH_SIZE];
    CLEANUP(freep) char *text = malloc(len);
    int at = snprintf(out, 200, "%s/texts/", c->dir);

    make_text(text, len, n, hash);
    for (int i = 0; i < TEXT_HASH_SIZE; i++)
        at += snprintf(out + at, (size_t)(200 - at), "%02x", hash[i]);
}

static void what_was_put_is_found_again(void **state)
{
    struct cached *c = *state;

    assert_false(has(c, 1000, 1));
    put(c, 1000, 1);
    wait_for_text(c, 1000, 1);
    assert_false(has(c, 1000, 2));
    reopen(c);
    assert_true(has(c, 1000, 1));
}

static void a_damaged_file_is_none(void **state)
{
    struct cached *c = *state;
    char path[200];
    struct stat st;

    for (int n = 0; n < 3; n++) {
        put(c, 1000, n);
        wait_for_text(c, 1000, n);
        path_of(c, 1000, n, path);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        if (n == 0)
            assert_int_equal(pwrite(fd, "x", 1, 500), 1);
        else
            assert_int_equal(ftruncate(fd, n == 1 ? 999 : 0), 0);
        closep(&fd);
        assert_false(has(c, 1000, n));
        assert_int_equal(stat(path, &st), -1);
        put(c, 1000, n);
        wait_for_text(c, 1000, n);
    }
}

static int64_t bytes_of(const struct cached *c, int texts, size_t len)
{
    char path[200];
    struct stat st;
    int64_t bytes = 0;

    for (int n = 0; n < texts; n++) {
        path_of(c, len, n, path);
        bytes += stat(path, &st) == 0 ? st.st_size : 0;
    }
    return bytes;
}

/* Text 0 is used again and again, so it stays. */
static void those_that_were_used_last_stay(void **state)
{
    struct cached *c = *state;
    const size_t len = 50000;
    const int texts = 60;

    for (int n = 0; n < texts; n++) {
        put(c, len, n);
        wait_for_text(c, len, n);
        assert_true(has(c, len, 0));
        if (n == texts / 2)
            reopen(c);
    }
    assert_true(bytes_of(c, texts, len) <= c->limits.max_bytes);
    assert_true(bytes_of(c, texts, len) > c->limits.max_bytes / 2);
    assert_true(has(c, len, texts - 2));
    assert_false(has(c, len, 1));
}

static void a_text_that_is_too_large_is_not_kept(void **state)
{
    struct cached *c = *state;

    put(c, 200000, 1);
    put(c, 1000, 2);
    wait_for_text(c, 1000, 2); /* written behind it */
    assert_false(has(c, 200000, 1));
}

/* Puts texts 1 and 2 and waits until it says that it does not keep them; how often it says so. */
static int put_in_vain(struct cached *c)
{
    char path[100], *said = NULL;
    int64_t until = clock_mono_ns() + PATIENCE_NS;
    int count = 0;

    (void)snprintf(path, sizeof path, "%s/said", c->dir);
    int kept = dup(STDERR_FILENO), fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(kept >= 0 && write(fd, "log:\n", 5) == 5 && dup2(fd, STDERR_FILENO) >= 0);
    put(c, 1000, 1);
    do {
        assert_true(clock_mono_ns() < until);
        free(said);
        said = scratch_read(path, NULL);
    } while (!strstr(said, "texts_not_kept"));
    put(c, 1000, 2);
    c->cache = text_cache_close(c->cache);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    closep(&kept);
    closep(&fd);
    free(said);
    said = scratch_read(path, NULL);
    for (const char *at = said; (at = strstr(at, "texts_not_kept")); at++)
        count++;
    free(said);
    return count;
}

static void nothing_is_written_on_a_full_disk(void **state)
{
    struct cached *c = *state;

    c->limits.free_bytes = INT64_MAX;
    reopen(c);
    assert_int_equal(put_in_vain(c), 1);
    reopen(c);
    assert_false(has(c, 1000, 1) || has(c, 1000, 2));
    c->limits.free_bytes = 0;
    reopen(c);
    put(c, 1000, 1);
    wait_for_text(c, 1000, 1);
}

static void what_was_not_used_for_long_goes(void **state)
{
    struct cached *c = *state;
    const struct timespec old[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
    int64_t until = clock_mono_ns() + PATIENCE_NS;
    struct stat st;
    char path[200];

    put(c, 1000, 1);
    put(c, 1000, 2);
    wait_for_text(c, 1000, 2);
    path_of(c, 1000, 1, path);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    c->limits.keep_ms = 3600000;
    reopen(c);
    while (stat(path, &st) == 0) {
        assert_true(clock_mono_ns() < until);
        (void)poll(NULL, 0, 2);
    }
    assert_true(has(c, 1000, 2));
}

static void a_directory_that_cannot_be_made(void **state)
{
    struct cached *c = *state;
    uint8_t hash[TEXT_HASH_SIZE] = { 0 };
    struct bytes found;
    char place[100];

    (void)snprintf(place, sizeof place, "%s/nowhere/else", c->dir);
    struct text_cache *none = text_cache_open(place, &c->limits);
    assert_null(none);
    assert_false(text_cache_get(none, hash, &found));
    text_cache_put(none, hash, "a", 1);
    assert_null(text_cache_close(none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CACHED(what_was_put_is_found_again),       CACHED(a_damaged_file_is_none),
        CACHED(those_that_were_used_last_stay),    CACHED(a_text_that_is_too_large_is_not_kept),
        CACHED(nothing_is_written_on_a_full_disk), CACHED(what_was_not_used_for_long_goes),
        CACHED(a_directory_that_cannot_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
