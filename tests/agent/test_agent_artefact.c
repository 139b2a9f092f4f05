/* tests/agent/test_agent_artefact.c BOX SOURCES PROGRAMS - files that are installed in a real cell,
 * and what a real agent collects there. */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/cell/cell.h"
#include "tests/support/agent_cell.h"
#include "tests/support/assert_err.h"

static const char *box;
static const char *programs; /* of tests/hostile, built */

static const char *text(const struct buf *b) { return b->data ? b->data : ""; }

static void files_are_installed_and_read_only(void **state)
{
    const char *argv[4];
    const uint32_t head[2] = { 5, 4 };
    int plain = agent_cell_text("print(1)\n"), tree = memfd_create("tree", MFD_CLOEXEC);
    struct cell_file files[] = { { "main.py", plain, AGENT_FILE_PLAIN },
                                 { "", tree, AGENT_FILE_TREE } };
    struct cell_request q = agent_cell_shell(
        argv, "cat main.py a/b.c; (echo x > main.py) 2>/dev/null; rm -f main.py a/b.c 2>/dev/null;"
              "cat main.py a/b.c; echo own > own; cat own");
    (void)state;

    assert_int_equal(write(tree, head, sizeof head), sizeof head);
    assert_int_equal(write(tree, "a/b.cdeep", 9), 9);
    q.files = files;
    q.files_len = ARRAY_LEN(files);
    struct cell_result r = agent_cell_run(&q);
    assert_string_equal(text(&r.out), "print(1)\ndeepprint(1)\ndeepown\n");
    cell_result_clear(&r);

    r = agent_cell_run_shell("ls -A /work /tmp /dev/shm");
    assert_string_equal(text(&r.out), "/dev/shm:\n\n/tmp:\n\n/work:\n");
    cell_result_clear(&r);
    (void)close(plain);
    (void)close(tree);
}

static void artefacts_are_collected(void **state)
{
    static const struct {
        const char *script, *name;
        enum agent_collect kind;
        enum agent_collected want;
    } cases[] = {
        { "echo artefact > main; chmod 700 main", "main", AGENT_COLLECT_FILE, AGENT_COLLECTED },
        { "mkdir -p a/b; echo artefact > a/b/main", "a/b/main", AGENT_COLLECT_FILE,
          AGENT_COLLECTED },
        { ":", "main", AGENT_COLLECT_FILE, AGENT_COLLECTED_MISSING },
        { "echo x > main; exit 1", "main", AGENT_COLLECT_FILE, AGENT_COLLECTED_NOTHING },
        { "ln -s /etc/passwd main", "main", AGENT_COLLECT_FILE, AGENT_COLLECTED_NOT_REGULAR },
        { "ln -s /etc a", "a/passwd", AGENT_COLLECT_FILE, AGENT_COLLECTED_NOT_REGULAR },
        { "ln -s /dev/urandom main", "main", AGENT_COLLECT_FILE, AGENT_COLLECTED_NOT_REGULAR },
        { "mkfifo main", "main", AGENT_COLLECT_FILE, AGENT_COLLECTED_NOT_REGULAR },
        { "mkdir main", "main", AGENT_COLLECT_FILE, AGENT_COLLECTED_NOT_REGULAR },
        { ":", "../etc/passwd", AGENT_COLLECT_FILE, AGENT_COLLECTED_NOT_REGULAR },
        { "echo x > main; chmod 0 main", "main", AGENT_COLLECT_FILE, AGENT_COLLECTED_NOT_REGULAR },
        { "dd if=/dev/zero of=main bs=1025 count=1", "main", AGENT_COLLECT_FILE,
          AGENT_COLLECTED_TOO_BIG },
        { "dd if=/dev/zero of=main bs=1 count=1 seek=1000000000", "main", AGENT_COLLECT_FILE,
          AGENT_COLLECTED_TOO_BIG },
        { "mkdir out; echo artefact > out/A.class", "out", AGENT_COLLECT_TREE, AGENT_COLLECTED },
        { "mkdir out; ln -s /etc/passwd out/A", "out", AGENT_COLLECT_TREE, AGENT_COLLECTED },
        { "ln -s /etc out", "out", AGENT_COLLECT_TREE, AGENT_COLLECTED_NOT_REGULAR },
        { "echo x > out", "out", AGENT_COLLECT_TREE, AGENT_COLLECTED_NOT_REGULAR },
        { "mkdir out; for i in 1 2 3 4 5 6 7 8 9; do dd if=/dev/zero of=out/$i bs=120 count=1; "
          "done",
          "out", AGENT_COLLECT_TREE, AGENT_COLLECTED_TOO_BIG },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *argv[4];
        struct cell_request q = agent_cell_shell(argv, cases[i].script);

        print_message("    case: %s\n", cases[i].script);
        q.collect = cases[i].kind;
        q.collect_name = cases[i].name;
        q.collect_max = 1024;
        struct cell_result r = agent_cell_run(&q);
        assert_int_equal(r.agent.collected, cases[i].want);
        assert_int_equal(r.artefact_fd >= 0, cases[i].want == AGENT_COLLECTED);
        cell_result_clear(&r);
    }
}

static void an_artefact_is_what_was_built(void **state)
{
    const char *argv[4];
    struct cell_request q = agent_cell_shell(argv, "cp /bin/sh main; sleep 60 &");
    struct stat st;
    (void)state;

    q.collect = AGENT_COLLECT_FILE;
    q.collect_name = "main";
    q.collect_max = 16 * MIB;
    struct cell_result built = agent_cell_run(&q);
    assert_int_equal(built.agent.collected, AGENT_COLLECTED);
    assert_int_equal(fstat(built.artefact_fd, &st), 0);
    assert_true(st.st_size > 10 * KIB);

    /* It is nobody's of the box: who runs it can neither change its mode nor its times. */
    static const char *const echo[] = { "sh", "-c",
                                        "touch -c /proc/self/exe 2>/dev/null && echo touched;"
                                        "chmod 700 /proc/self/exe 2>/dev/null && echo changed;"
                                        "echo built",
                                        NULL };
    q = agent_cell_request(echo, built.artefact_fd, -1);
    struct cell_result r = agent_cell_run(&q);
    assert_string_equal(text(&r.out), "built\n");
    cell_result_clear(&r);
    cell_result_clear(&built);
}

/* The artefact fits, and its copy does not fit beside it: that is no fault of ours. */
static void an_artefact_may_be_more_than_the_cell_holds(void **state)
{
    const char *argv[4];
    struct cell_request q =
        agent_cell_shell(argv, "dd if=/dev/zero of=main bs=1M count=44 2>/dev/null");
    (void)state;

    q.collect = AGENT_COLLECT_FILE;
    q.collect_name = "main";
    q.collect_max = 64 * MIB;
    struct cell_result r = agent_cell_run(&q);
    assert_int_equal(r.agent.status, 0);
    assert_int_equal(r.agent.collected, AGENT_COLLECTED_NOTHING);
    assert_true(r.agent.oom_kills > 0);
    cell_result_clear(&r);
    r = agent_cell_run_shell("echo next");
    assert_string_equal(text(&r.out), "next\n");
    cell_result_clear(&r);
}

static void a_tree_can_be_run_again(void **state)
{
    const char *argv[4];
    struct cell_request q = agent_cell_shell(
        argv, "mkdir -p out/p/q; echo one > out/p/q/One; echo two > out/Two; rm -rf out/none");
    (void)state;

    q.collect = AGENT_COLLECT_TREE;
    q.collect_name = "out";
    q.collect_max = 64 * KIB;
    struct cell_result built = agent_cell_run(&q);
    assert_int_equal(built.agent.collected, AGENT_COLLECTED);

    const struct cell_file tree = { "", built.artefact_fd, AGENT_FILE_TREE };
    q = agent_cell_shell(argv, "cat p/q/One Two; find . -type f | wc -l");
    q.files = &tree;
    q.files_len = 1;
    struct cell_result r = agent_cell_run(&q);
    assert_string_equal(text(&r.out), "one\ntwo\n2\n");
    cell_result_clear(&r);
    cell_result_clear(&built);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_installed_and_read_only),
        cmocka_unit_test(artefacts_are_collected),
        cmocka_unit_test(an_artefact_is_what_was_built),
        cmocka_unit_test(an_artefact_may_be_more_than_the_cell_holds),
        cmocka_unit_test(a_tree_can_be_run_again),
    };

    if (argc < 4)
        return 2;
    box = argv[1];
    programs = argv[3];
    agent_cell_start(box);
    int failed = cmocka_run_group_tests_name(box, tests, NULL, NULL);
    agent_cell_stop();
    return failed ? 1 : 0;
}
