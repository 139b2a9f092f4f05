/* tests/unit/test_cell_exchange.c - the talk with an agent, where the test is the agent: also one
 * that lies. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "engine/cell/cell_exchange.h"
#include "engine/cell/cell_memfd.h"
#include "engine/cell/cell_pipes.h"
#include "engine/cell/cell_types.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "tests/support/agent_lies.h"
#include "tests/support/fds.h"
#include "tests/support/talk.h"

static void truth(void **state)
{
    (void)state;
    struct talk t;
    struct cell_result r;
    struct err e;
    struct cell_request q = talk_request();

    talk_begin(&t, (struct agent){ .keep_pipe = true });
    assert_int_equal(talk_exchange(&t.ends, &q, &r, &e), 0);
    assert_string_equal(r.out.data, "out"); /* also what was still in the pipe */
    assert_string_equal(r.err.data, "erro");
    assert_true(r.err_truncated && !r.out_exceeded);
    assert_string_equal(r.err_end.data, "error");
    assert_int_equal(r.agent.status, 3 << 8);
    assert_int_equal(r.artefact_fd, -1);
    cell_result_clear(&r);
    talk_end(&t);
}

/* A runtime's last words, however much was written before. */
static void the_end_of_stderr(void **state)
{
    (void)state;
    struct talk t;
    struct cell_result r;
    struct err e;
    struct cell_request q = talk_request();

    talk_begin(&t, (struct agent){ .long_err = true });
    assert_int_equal(talk_exchange(&t.ends, &q, &r, &e), 0);
    assert_string_equal(r.err.data, "xxxx");
    assert_true(r.err_end.len > 4096 && r.err_end.len < 400 * 1024);
    assert_string_equal(r.err_end.data + r.err_end.len - 6, "xerror");
    cell_result_clear(&r);
    talk_end(&t);
}

/* What a run can still write to, and what it read from, is of no other run. */
static void what_is_made_ahead_is_new(void **state)
{
    (void)state;
    struct cell_pipes ahead = CELL_PIPES_NONE;
    struct err e;
    ino_t in[3], out[3];
    int before = fds_open();

    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_LEN(in); i++) {
        struct talk t;
        struct cell_result r;
        struct cell_request q = talk_request();

        talk_begin(&t, (struct agent){ .keep_pipe = true });
        t.ends.next_pipes = &ahead;
        assert_int_equal(talk_exchange(&t.ends, &q, &r, &e), 0);
        assert_string_equal(r.out.data, "out");
        cell_result_clear(&r);
        assert_int_equal(write(agent.fds[1], "late", 4), -1); /* nobody reads there any more */
        assert_int_equal(errno, EPIPE);
        in[i] = fds_inode(ahead.stdin_fd);
        out[i] = fds_inode(ahead.write_end[CELL_OUT]);
        for (size_t j = 0; j < i; j++)
            assert_true(in[j] != in[i] && out[j] != out[i]);
        talk_end(&t);
    }
    assert_int_equal(fds_open(), before + 5);
    cell_pipes_close(&ahead);
    assert_int_equal(fds_open(), before);
}

static void lies(void **state)
{
    (void)state;
    static const struct {
        enum lie lie;
        bool collect;
        enum err_kind kind;
    } cases[] = {
        { TRUTH, true, ERR_NONE },           { WRONG_NONCE, false, ERR_CELL },
        { WRONG_MAGIC, false, ERR_CELL },    { WRONG_KIND, false, ERR_CELL },
        { SHORT, false, ERR_CELL },          { LONG, false, ERR_CELL },
        { ENORMOUS, false, ERR_CELL },       { HANG_UP, false, ERR_CELL },
        { FAULT, false, ERR_CELL },          { FAULT, true, ERR_CELL },
        { FAULT_OF_HOST, false, ERR_HOST },  { FAULT_OF_HOST, true, ERR_HOST },
        { LIMIT_UNKNOWN, false, ERR_CELL },  { STARVED, false, ERR_HOST },
        { KILLED_UNASKED, false, ERR_CELL }, { COLLECTED_UNKNOWN, false, ERR_CELL },
        { NEGATIVE_CPU, false, ERR_CELL },   { NEGATIVE_WALL, false, ERR_CELL },
        { STOPPED, false, ERR_CELL },        { HUGE_MEMORY, false, ERR_CELL },
        { FD_UNASKED, false, ERR_CELL },     { FD_MISSING, true, ERR_CELL },
        { FD_TWICE, true, ERR_CELL },        { FD_UNSEALED, true, ERR_CELL },
        { FD_WRITABLE, true, ERR_CELL },     { FD_FILE, true, ERR_CELL },
        { FD_PIPE, true, ERR_CELL },         { FD_TOO_LARGE, true, ERR_CELL },
        { SILENCE, false, ERR_TIMEOUT },
    };
    int before = fds_open();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct talk t;
        struct cell_result r = { .artefact_fd = -2 };
        struct err e = { .kind = ERR_NONE };
        struct cell_request q = talk_request();
        q.wall_limit_ns = cases[i].lie == SILENCE ? 1 : 0;
        q.collect = cases[i].collect ? AGENT_COLLECT_FILE : AGENT_COLLECT_NONE;
        q.collect_name = "a.out";
        q.collect_max = 99;
        talk_begin(&t, (struct agent){ .lie = cases[i].lie });
        int rc = talk_exchange(&t.ends, &q, &r, &e);
        if (e.kind != cases[i].kind || rc != (cases[i].kind == ERR_NONE ? 0 : -1))
            fail_msg("lie %d: %s: %s", cases[i].lie, err_kind_name(e.kind), e.msg);
        if (rc == 0) {
            char text[20] = "";
            assert_int_equal(read(r.artefact_fd, text, sizeof text), strlen(ARTEFACT));
            assert_string_equal(text, ARTEFACT);
            cell_result_clear(&r);
        } else {
            assert_int_equal(r.artefact_fd, -2);
        }
        talk_end(&t);
    }
    assert_int_equal(fds_open(), before); /* no descriptor may stay, whatever came */
}

static void flooded(void **state)
{
    (void)state;
    struct talk t;
    struct cell_result r;
    struct err e;
    struct cell_request q = talk_request();
    talk_begin(&t, (struct agent){ .flood = true });
    assert_int_equal(talk_exchange(&t.ends, &q, &r, &e), 0);
    assert_true(r.out_exceeded);
    assert_int_equal(r.out.len, 1000);
    assert_int_equal(r.agent.limit, AGENT_LIMIT_NONE);
    cell_result_clear(&r);
    talk_end(&t);
    assert_true(agent.saw_kill);
}

static void aborted(void **state)
{
    (void)state;
    struct talk t;
    struct cell_result r;
    struct err e;
    struct cell_request q = talk_request();
    talk_begin(&t, (struct agent){ .lie = SILENCE });
    assert_int_equal(eventfd_write(t.ends.abort_fd, 1), 0);
    assert_int_equal(talk_exchange(&t.ends, &q, &r, &e), -1);
    assert_int_equal(e.kind, ERR_CANCELLED);
    talk_end(&t);
}

/* Looks at what the agent got. */
static void request_as_sent(void **state)
{
    (void)state;
    static const char blob[] = "one\0\0three\0A=1\0dir\0a.txt\0";
    struct talk t;
    struct cell_result r;
    struct err e;
    struct cell_request q = talk_request();
    int file = cell_memfd("file", "xy", 2, &e);
    char two[3] = "";
    const struct cell_file files[] = {
        { .name = "a.txt", .fd = file, .kind = AGENT_FILE_PLAIN },
        { .name = "", .fd = file, .kind = AGENT_FILE_TREE },
    };
    assert_int_equal(read(file, two, 1), 1); /* our offset is not theirs */
    q.files = files;
    q.files_len = ARRAY_LEN(files);
    q.exec_fd = file;
    q.stdio[0] = (struct cell_stdio){ CELL_STDIO_MEMFD, file };
    q.collect = AGENT_COLLECT_TREE;
    q.collect_name = "dir";
    q.collect_max = 99;
    talk_begin(&t, (struct agent){ .lie = HANG_UP });
    assert_int_equal(talk_exchange(&t.ends, &q, &r, &e), -1);
    talk_end(&t);

    const struct agent_run *run = agent_got();
    assert_int_equal(run->head.magic, AGENT_MAGIC);
    assert_int_equal(run->head.kind, AGENT_RUN);
    assert_int_equal(agent.fds_len, 6);
    assert_int_equal(run->argc, 3);
    assert_int_equal(run->envc, 1);
    assert_int_equal(run->filec, 2);
    assert_int_equal(run->exec_fd, 1);
    assert_int_equal(run->file_kind[1], AGENT_FILE_TREE);
    assert_int_equal(run->wall_limit_ns, 0);
    assert_int_equal(run->wall_cap_ns, 61 * NS_PER_S);
    assert_int_equal(run->blob_len, sizeof blob);
    assert_memory_equal(run->blob, blob, sizeof blob);
    closep(&file);
}

static void does_not_fit(void **state)
{
    (void)state;
    CLEANUP(freep) char *large = malloc(AGENT_MESSAGE_MAX);
    const char *const argv[] = { large, NULL };
    struct cell_request q = talk_request();
    struct cell_file files[AGENT_FILES_MAX + 1] = { { .name = "x", .fd = 0 } };
    struct cell_pipes pipes = CELL_PIPES_NONE;
    struct cell_exchange_ends nobody = { .agent_fd = -1, .abort_fd = -1, .next_pipes = &pipes };
    struct cell_result r;
    struct err e;

    assert_non_null(large);
    memset(large, 'x', AGENT_MESSAGE_MAX - 1);
    large[AGENT_MESSAGE_MAX - 1] = '\0';
    q.argv = argv;
    assert_int_equal(talk_exchange(&nobody, &q, &r, &e), -1);
    assert_int_equal(e.kind, ERR_BUG);
    q = talk_request();
    q.files = files;
    q.files_len = ARRAY_LEN(files);
    assert_int_equal(talk_exchange(&nobody, &q, &r, &e), -1);
    assert_int_equal(e.kind, ERR_BUG);
    cell_pipes_close(&pipes);
}

/* Each wait ends with one more that is over, and none is waited for that is over already. */
static void two_at_once(void **state)
{
    (void)state;
    struct cell_exchange x[2], *const both[2] = { &x[0], &x[1] };
    struct cell_pipes pipes[2] = { CELL_PIPES_NONE, CELL_PIPES_NONE };
    struct cell_request q = talk_request();
    struct cell_result r;
    int before = fds_open(), pair[2][2], abort_fd[2];
    struct err e;

    for (int i = 0; i < 2; i++) {
        abort_fd[i] = eventfd(0, EFD_CLOEXEC);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair[i]), 0);
        const struct cell_exchange_ends ends = { pair[i][0], abort_fd[i], &pipes[i] };
        assert_int_equal(cell_exchange_begin(&x[i], &ends, &q, &e), 0);
    }
    closep(&pair[1][1]);
    cell_exchange_poll(both, 2);
    assert_int_equal(x[0].state, CELL_EXCHANGE_GOES_ON);
    assert_int_equal(x[1].state, CELL_EXCHANGE_ANSWERED);
    assert_int_equal(eventfd_write(abort_fd[0], 1), 0);
    cell_exchange_poll(both, 2);
    assert_int_equal(x[0].state, CELL_EXCHANGE_FAILED);
    cell_exchange_poll(both, 2);
    assert_int_equal(cell_exchange_finish(&x[0], &r, &e), -1);
    assert_int_equal(e.kind, ERR_CANCELLED);
    assert_int_equal(cell_exchange_finish(&x[1], &r, &e), -1);
    assert_int_equal(e.kind, ERR_CELL);
    for (int i = 0; i < 2; i++) {
        closep(&abort_fd[i]);
        closep(&pair[i][0]);
        closep(&pair[i][1]);
        cell_pipes_close(&pipes[i]);
    }
    assert_int_equal(fds_open(), before);
}

/* One is given up while it goes on. */
static void given_up(void **state)
{
    (void)state;
    struct talk t;
    struct cell_exchange x;
    struct err e;
    struct cell_request q = talk_request();
    int before = fds_open();

    talk_begin(&t, (struct agent){ .lie = SILENCE });
    assert_int_equal(cell_exchange_begin(&x, &t.ends, &q, &e), 0);
    cell_exchange_clear(&x);
    talk_end(&t);
    assert_int_equal(fds_open(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_ahead_is_new),
        cmocka_unit_test(truth),
        cmocka_unit_test(the_end_of_stderr),
        cmocka_unit_test(lies),
        cmocka_unit_test(flooded),
        cmocka_unit_test(aborted),
        cmocka_unit_test(request_as_sent),
        cmocka_unit_test(does_not_fit),
        cmocka_unit_test(two_at_once),
        cmocka_unit_test(given_up),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* the agent of this test shares our process */
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
