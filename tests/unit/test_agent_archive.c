/* tests/unit/test_agent_archive.c - trees into archives and back; archives that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "engine/agent/archive.h"
#include "engine/agent/fault.h"

struct tree {
    char path[64];
    int dir;
};

static int make_tree(void **state)
{
    static struct tree t;

    (void)snprintf(t.path, sizeof t.path, "/tmp/archive-XXXXXX");
    if (!mkdtemp(t.path))
        return -1;
    t.dir = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = &t;
    return t.dir < 0;
}

static int forget(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int remove_tree(void **state)
{
    struct tree *t = *state;

    closep(&t->dir);
    return nftw(t->path, forget, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(int dir, const char *name, const char *text)
{
    struct fault f;
    int fd = -1;

    assert_int_equal(archive_create(dir, name, strlen(name), &fd, &f), 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static void expect(int dir, const char *name, const char *text)
{
    char got[64] = "";
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, sizeof got), strlen(text));
    assert_string_equal(got, text);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0444);
    (void)close(fd);
}

static int memfd(void) { return memfd_create("archive", MFD_CLOEXEC); }

static enum agent_collected pack(int dir, int out, uint64_t max)
{
    enum agent_collected what = AGENT_COLLECTED_NOTHING;
    struct fault f;

    if (archive_pack(dir, out, max, &what, &f) < 0)
        fail_msg("%s", f.why);
    return what;
}

/* What cannot be written says nothing of the tree: it is not "too big". */
static void a_failed_write_is_a_fault(void **state)
{
    const struct tree *t = *state;
    enum agent_collected what = AGENT_COLLECTED_NOTHING;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct fault f;

    put(t->dir, "a", "0123456789");
    assert_int_equal(archive_pack(t->dir, full, 4096, &what, &f), -1);
    assert_non_null(strstr(f.why, "No space left"));
    assert_int_equal(what, AGENT_COLLECTED_NOTHING);
    (void)close(full);
}

static void a_tree_comes_back(void **state)
{
    const struct tree *t = *state;
    struct fault f;
    int archive = memfd();

    put(t->dir, "from/Main.class", "main");
    put(t->dir, "from/a/b/c/Deep.class", "deep");
    put(t->dir, "from/empty", "");
    assert_int_equal(symlinkat("/etc/passwd", t->dir, "from/link"), 0);
    assert_int_equal(mkfifoat(t->dir, "from/fifo", 0600), 0);
    assert_int_equal(mkdirat(t->dir, "to", 0755), 0);
    int from = openat(t->dir, "from", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int to = openat(t->dir, "to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_int_equal(pack(from, archive, 4096), AGENT_COLLECTED);
    if (archive_unpack(archive, to, &f) < 0)
        fail_msg("%s", f.why);
    expect(to, "Main.class", "main");
    expect(to, "a/b/c/Deep.class", "deep");
    expect(to, "empty", "");
    assert_int_equal(faccessat(to, "link", F_OK, AT_SYMLINK_NOFOLLOW), -1);
    assert_int_equal(faccessat(to, "fifo", F_OK, 0), -1);
    (void)close(from);
    (void)close(to);
    (void)close(archive);
}

static void a_bundle_keeps_to_its_size(void **state)
{
    const struct tree *t = *state;
    const uint64_t exact = 2 * sizeof(uint32_t) + strlen("name") + strlen("0123456789");

    put(t->dir, "name", "0123456789");
    for (uint64_t max = 0; max < exact; max++) {
        int archive = memfd();
        assert_int_equal(pack(t->dir, archive, max), AGENT_COLLECTED_TOO_BIG);
        (void)close(archive);
    }
    int archive = memfd();
    assert_int_equal(pack(t->dir, archive, exact), AGENT_COLLECTED);
    assert_int_equal(lseek(archive, 0, SEEK_END), exact);
    (void)close(archive);
}

static void depth_and_names_are_bounded(void **state)
{
    const struct tree *t = *state;
    int at = dup(t->dir), archive = memfd();

    for (int i = 0; i < 100; i++) {
        assert_int_equal(mkdirat(at, "d", 0755), 0);
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)close(at);
        at = next;
    }
    assert_int_equal(pack(t->dir, archive, 4096), AGENT_COLLECTED_TOO_BIG);
    (void)close(at);
    (void)close(archive);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
    static const char *const names[] = { "",     "..",     ".",     "/etc/passwd", "a//b",   "b/",
                                         "../x", "c/../b", "d/./b", "./e",         "f/b/..", "//" };
    const struct tree *t = *state;
    char large[AGENT_ARCHIVE_NAME_MAX + 2];
    struct fault f;
    int fd = 77;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        print_message("    case: '%s'\n", names[i]);
        assert_int_equal(archive_create(t->dir, names[i], strlen(names[i]), &fd, &f), -1);
    }
    assert_int_equal(archive_create(t->dir, "n\0b", 3, &fd, &f), -1);
    memset(large, 'x', sizeof large);
    assert_int_equal(archive_create(t->dir, large, sizeof large, &fd, &f), -1);
    assert_int_equal(archive_create(t->dir, large, 256, &fd, &f), -1); /* one component */
    assert_int_equal(fd, 77);
}

static void nothing_is_overwritten_or_followed(void **state)
{
    const struct tree *t = *state;
    struct fault f;
    int fd = 77;

    put(t->dir, "there", "first");
    assert_int_equal(symlinkat(".", t->dir, "out"), 0);
    assert_int_equal(archive_create(t->dir, "there", 5, &fd, &f), -1);
    assert_int_equal(archive_create(t->dir, "out", 3, &fd, &f), -1);
    assert_int_equal(archive_create(t->dir, "out/x", 5, &fd, &f), -1);
    assert_int_equal(archive_create(t->dir, "there/x", 7, &fd, &f), -1);
    assert_int_equal(fd, 77);
}

/* Every cut of a good archive is refused, but the cut between two files. */
static void truncated_bundles_are_refused(void **state)
{
    const struct tree *t = *state;
    struct fault f;
    int whole = memfd();

    put(t->dir, "from/a", "aaaa");
    int from = openat(t->dir, "from", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(pack(from, whole, 4096), AGENT_COLLECTED);
    off_t len = lseek(whole, 0, SEEK_END);
    for (off_t cut = 1; cut <= len; cut++) {
        char name[32];
        int part = memfd();

        (void)snprintf(name, sizeof name, "to%d", (int)cut);
        assert_int_equal(mkdirat(t->dir, name, 0755), 0);
        int to = openat(t->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(archive_copy(whole, 0, (size_t)cut, part, &f), 0);
        assert_int_equal(archive_unpack(part, to, &f), cut == len ? 0 : -1);
        (void)close(part);
        (void)close(to);
    }
    (void)close(from);
    (void)close(whole);
}

static void bundles_that_lie_are_refused(void **state)
{
    static const struct {
        const char *what;
        uint32_t name_len, size;
        const char *name;
    } cases[] = {
        { "no name", 0, 0, "" },
        { "a name of 4 GiB", UINT32_MAX, 0, "a" },
        { "a name beyond the limit", AGENT_ARCHIVE_NAME_MAX + 1, 0, "a" },
        { "a file of 4 GiB", 1, UINT32_MAX, "a" },
        { "a climbing name", 4, 0, "../a" },
        { "an absolute name", 2, 0, "/a" },
    };
    const struct tree *t = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const uint32_t head[2] = { cases[i].name_len, cases[i].size };
        struct fault f;
        int archive = memfd();

        print_message("    case: %s\n", cases[i].what);
        assert_int_equal(write(archive, head, sizeof head), sizeof head);
        assert_int_equal(write(archive, cases[i].name, strlen(cases[i].name)),
                         strlen(cases[i].name));
        assert_int_equal(archive_unpack(archive, t->dir, &f), -1);
        (void)close(archive);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_tree_comes_back, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(a_bundle_keeps_to_its_size, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(a_failed_write_is_a_fault, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(depth_and_names_are_bounded, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(names_that_lead_elsewhere_are_refused, make_tree,
                                        remove_tree),
        cmocka_unit_test_setup_teardown(nothing_is_overwritten_or_followed, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(truncated_bundles_are_refused, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(bundles_that_lie_are_refused, make_tree, remove_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
