/* Two runs in two cells, joined by a pair of pipes: begun both, waited for on one thread, finished
 * both. With both makers of boxes. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "engine/cell/cell_memfd.h"
#include "tests/support/assert_err.h"
#include "tests/support/fixture.h"

/* The one thinks of a number, the other one asks. */
static const char judge[] = "n=0\n"
                            "while read -r guess; do\n"
                            "  n=$((n + 1))\n"
                            "  if [ $guess -lt 37 ]; then echo more\n"
                            "  elif [ $guess -gt 37 ]; then echo less\n"
                            "  else echo yes; echo $n guesses >&2; exit 0; fi\n"
                            "done\n"
                            "echo no answer >&2; exit 1\n";
static const char player[] = "low=1; high=100\n"
                             "while :; do\n"
                             "  guess=$(((low + high) / 2)); echo $guess; read -r said || exit 9\n"
                             "  case $said in\n"
                             "  more) low=$((guess + 1));;\n"
                             "  less) high=$((guess - 1));;\n"
                             "  yes) echo found $guess >&2; exit 0;;\n"
                             "  esac\n"
                             "done\n";

struct pair {
    struct cell *cells[2];
    struct fixture_line lines[2];
    struct cell_result results[2];
};

static void open_pair(struct pair *p, const char *first, const char *second)
{
    const char *const scripts[] = { first, second };

    *p = (struct pair){ .cells = { NULL } };
    for (int i = 0; i < 2; i++) {
        p->cells[i] = fixture_cell();
        fixture_shell(&p->lines[i], scripts[i]);
        p->lines[i].request.wall_limit_ns = 20 * NS_PER_S;
        p->results[i].artefact_fd = -1;
    }
}

/* Each one's stdout is the other one's stdin. Our own ends are closed once both have begun. */
static void begin_pair(struct pair *p)
{
    int pipes[2][2];

    assert_int_equal(pipe2(pipes[0], O_CLOEXEC), 0);
    assert_int_equal(pipe2(pipes[1], O_CLOEXEC), 0);
    for (int i = 0; i < 2; i++) {
        struct cell_request *q = &p->lines[i].request;
        q->stdio[0] = (struct cell_stdio){ CELL_STDIO_FD, pipes[i][0] };
        q->stdio[1] = (struct cell_stdio){ CELL_STDIO_FD, pipes[1 - i][1] };
        ASSERT_OK(cell_begin(p->cells[i], fixture.docker, q, e));
        assert_false(cell_alive(p->cells[i])); /* no pool may keep it now */
    }
    for (int i = 0; i < 4; i++)
        closep(&pipes[i / 2][i % 2]);
}

static void await_pair(struct pair *p)
{
    while (!cell_over(p->cells[0]) || !cell_over(p->cells[1]))
        cell_poll(p->cells, 2);
}

static void finish_pair(struct pair *p)
{
    for (int i = 0; i < 2; i++)
        ASSERT_OK(cell_finish(p->cells[i], fixture.docker, &p->results[i], e));
}

static void close_pair(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        cell_result_clear(&p->results[i]);
        (void)cell_free(p->cells[i], fixture.docker);
    }
}

static void guess_the_number(void **state)
{
    (void)state;
    struct pair p;

    open_pair(&p, judge, player);
    for (int i = 0; i < 2; i++) { /* the cells are as good as before */
        begin_pair(&p);
        await_pair(&p);
        finish_pair(&p);
        assert_string_equal(p.results[0].err.data, "3 guesses\n");
        assert_string_equal(p.results[1].err.data, "found 37\n");
        for (int j = 0; j < 2; j++) {
            assert_int_equal(p.results[j].agent.status, 0);
            assert_int_equal(p.results[j].agent.limit, AGENT_LIMIT_NONE);
            assert_int_equal(p.results[j].out.len, 0);
            cell_result_clear(&p.results[j]);
        }
        fixture_expect(p.cells[0], "cat; echo alone", "alone\n");
    }
    close_pair(&p);
}

/* The ends of the pipes belong to the programs alone: where one dies, the other reads EOF. */
static void one_dies_early(void **state)
{
    (void)state;
    struct pair p;

    open_pair(&p, judge, "echo 50; read -r said; kill -SEGV $$");
    begin_pair(&p);
    await_pair(&p);
    finish_pair(&p);
    assert_string_equal(p.results[0].err.data, "no answer\n"); /* it has read EOF */
    assert_int_equal(WEXITSTATUS(p.results[0].agent.status), 1);
    assert_int_equal(WTERMSIG(p.results[1].agent.status), SIGSEGV);
    close_pair(&p);

    /* And who writes to one that has gone is told so. */
    open_pair(&p, "while echo more; do :; done 2>/dev/null; exit 4", "exit 3");
    begin_pair(&p);
    await_pair(&p);
    finish_pair(&p);
    int status = p.results[0].agent.status;
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGPIPE : WEXITSTATUS(status) == 4);
    assert_int_equal(p.results[0].agent.limit, AGENT_LIMIT_NONE);
    assert_int_equal(WEXITSTATUS(p.results[1].agent.status), 3);
    close_pair(&p);
}

static void one_hangs(void **state)
{
    (void)state;
    struct pair p;

    open_pair(&p, judge, "echo 50; read -r said; sleep 100");
    p.lines[1].request.wall_limit_ns = 300 * NS_PER_MS;
    begin_pair(&p);
    await_pair(&p);
    finish_pair(&p);
    assert_int_equal(p.results[1].agent.limit, AGENT_LIMIT_WALL);
    assert_int_equal(p.results[0].agent.limit, AGENT_LIMIT_NONE);
    assert_string_equal(p.results[0].err.data, "no answer\n");
    close_pair(&p);

    /* Both wait for each other: each ends by its own limit. */
    open_pair(&p, "read -r x", "read -r x");
    for (int i = 0; i < 2; i++)
        p.lines[i].request.wall_limit_ns = 300 * NS_PER_MS;
    begin_pair(&p);
    await_pair(&p);
    finish_pair(&p);
    assert_true(p.results[0].agent.limit == AGENT_LIMIT_WALL ||
                p.results[1].agent.limit == AGENT_LIMIT_WALL);
    close_pair(&p);
}

/* Each program may open its streams again: the pipe belongs to another user than it does. */
static void streams_by_name(void **state)
{
    (void)state;
    struct pair p;

    open_pair(&p, "read -r x </dev/stdin; echo got $x >&2; echo b >/dev/stdout",
              "echo a >/dev/stdout; read -r x </dev/stdin; echo got $x >&2");
    begin_pair(&p);
    await_pair(&p);
    finish_pair(&p);
    assert_string_equal(p.results[0].err.data, "got a\n");
    assert_string_equal(p.results[1].err.data, "got b\n");
    close_pair(&p);
}

/* One that is cancelled fails alone; one that is freed under way leaves nothing. */
static void one_is_stopped(void **state)
{
    (void)state;
    struct pair p;
    struct fixture_line l;

    open_pair(&p, judge, "sleep 100");
    begin_pair(&p);
    fixture_shell(&l, "true");
    ASSERT_ERR(ERR_BUG, cell_begin(p.cells[0], fixture.docker, &l.request, e));
    ASSERT_ERR(ERR_BUG, cell_verify_clean(p.cells[0], e));
    cell_abort(p.cells[1]);
    cell_poll(p.cells, 2);
    assert_true(cell_over(p.cells[1]) && !cell_over(p.cells[0]));
    ASSERT_ERR(ERR_CANCELLED, cell_finish(p.cells[1], fixture.docker, &p.results[1], e));
    ASSERT_ERR(ERR_BUG, cell_finish(p.cells[1], fixture.docker, &p.results[1], e));
    close_pair(&p); /* the other one still goes on */
    assert_int_equal(fixture_containers(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(guess_the_number), FIXTURE_TEST(one_dies_early), FIXTURE_TEST(one_hangs),
        FIXTURE_TEST(streams_by_name),  FIXTURE_TEST(one_is_stopped),
    };
    return fixture_run_in_boxes(tests, ARRAY_LEN(tests));
}
