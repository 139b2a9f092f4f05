#include "tests/support/builds.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/build/build_outcome.h"
#include "engine/cell/cell_memfd.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "tests/support/assert_err.h"
#include "tests/support/scratch.h"

void builds_start_keeping(struct builds *w, int64_t max_bytes, int64_t keep_ms)
{
    struct err e;

    if (build_cache_open(w->dir, max_bytes, keep_ms, &w->cache, &e) < 0)
        fail_msg("%s", e.msg);
}
void builds_start(struct builds *w, int64_t max_bytes) { builds_start_keeping(w, max_bytes, 0); }

void builds_start_again(struct builds *w, int64_t max_bytes)
{
    w->cache = build_cache_free(w->cache);
    builds_start(w, max_bytes);
}

int builds_open(void **state)
{
    struct builds *w = calloc(1, sizeof *w);

    if (!w || text_init() < 0)
        return -1;
    (void)strcpy(w->dir, "/tmp/scrc-builds.XXXXXX");
    if (!mkdtemp(w->dir))
        return -1;
    builds_start(w, 64 * MIB);
    *state = w;
    return 0;
}

int builds_close(void **state)
{
    struct builds *w = *state;

    (void)build_cache_free(w->cache);
    scratch_remove(w->dir);
    free(w);
    return 0;
}

const uint8_t *builds_key(int n)
{
    static _Thread_local uint8_t k[BUILD_KEY_SIZE];

    memset(k, 0x5a, sizeof k);
    k[0] = (uint8_t)n;
    return k;
}

char *builds_path(const struct builds *w, int n)
{
    static char path[200];
    int len = snprintf(path, sizeof path, "%s/builds/", w->dir);

    for (int i = 0; i < BUILD_KEY_SIZE; i++)
        len += snprintf(path + len, sizeof path - (size_t)len, "%02x", builds_key(n)[i]);
    return path;
}

void builds_store(struct builds *w, int n, const char *log, const void *artefact, size_t len)
{
    struct build_outcome o = { .artefact_fd = -1, .exit_code = artefact ? 0 : 7 };
    struct err e;

    assert_int_equal(buf_add(&o.log, log, strlen(log)), 0);
    if (artefact) {
        o.artefact_fd = cell_memfd("artefact", artefact, len, &e);
        assert_true(o.artefact_fd >= 0);
    }
    build_cache_store(w->cache, builds_key(n), &o);
    build_outcome_clear(&o);
}

void builds_store_blocks(struct builds *w, int n, size_t blocks)
{
    char *bytes = calloc(blocks, BUILDS_BLOCK);

    assert_non_null(bytes);
    bytes[0] = (char)n;
    builds_store(w, n, "", bytes,
                 blocks * BUILDS_BLOCK - 200); /* with its head: so many whole blocks */
    free(bytes);
}

bool builds_has(struct builds *w, int n)
{
    struct build_outcome o;

    if (!build_cache_find(w->cache, builds_key(n), &o))
        return false;
    build_outcome_clear(&o);
    return true;
}

struct build_cache_stats builds_stats(struct builds *w)
{
    struct build_cache_stats s;

    build_cache_stats(w->cache, &s);
    return s;
}

int builds_files(const struct builds *w)
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

void builds_expect(struct builds *w, int n, const char *log, const char *artefact, size_t len)
{
    struct build_outcome o = { .artefact_fd = -7 };
    char *got = malloc(len + 1);
    struct stat st;

    assert_true(build_cache_find(w->cache, builds_key(n), &o));
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
