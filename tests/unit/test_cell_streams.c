/* tests/unit/test_cell_streams.c - the three streams of a run, as its request names them: what
 * cannot be, and what the caller lends. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/cell/cell_exchange.h"
#include "engine/cell/cell_pipes.h"
#include "engine/cell/cell_types.h"
#include "schema/base/err.h"
#include "tests/support/agent_lies.h"
#include "tests/support/fds.h"
#include "tests/support/talk.h"

/* What no agent could do with a stream is refused before anything is sent. */
static void streams_that_cannot_be(void **state)
{
    (void)state;
    int before = fds_open(), p[2], slow[2], file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(pipe2(slow, O_CLOEXEC | O_NONBLOCK), 0);
    const struct {
        int which;
        struct cell_stdio stream;
    } cases[] = {
        { 0, { .kind = CELL_STDIO_CAPTURE } }, { 1, { .kind = CELL_STDIO_EMPTY } },
        { 2, { .kind = CELL_STDIO_EMPTY } },   { 1, { CELL_STDIO_MEMFD, file } },
        { 2, { CELL_STDIO_MEMFD, file } },     { 0, { CELL_STDIO_FD, p[1] } },
        { 1, { CELL_STDIO_FD, p[0] } },        { 2, { CELL_STDIO_FD, p[0] } },
        { 0, { CELL_STDIO_FD, slow[0] } },     { 1, { CELL_STDIO_FD, slow[1] } },
        { 0, { CELL_STDIO_FD, file } },        { 1, { CELL_STDIO_FD, -1 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cell_pipes pipes = CELL_PIPES_NONE;
        struct cell_exchange_ends nobody = { .agent_fd = -1, .abort_fd = -1, .next_pipes = &pipes };
        struct cell_request q = talk_request();
        struct cell_result r;
        struct err e = { .kind = ERR_NONE };

        q.stdio[cases[i].which] = cases[i].stream;
        assert_int_equal(talk_exchange(&nobody, &q, &r, &e), -1);
        if (e.kind != ERR_BUG)
            fail_msg("case %zu: %s: %s", i, err_kind_name(e.kind), e.msg);
        cell_pipes_close(&pipes);
    }
    for (int i = 0; i < 2; i++) {
        closep(&p[i]);
        closep(&slow[i]);
    }
    closep(&file);
    assert_int_equal(fds_open(), before);
}

/* A stream that is lent goes as it is; the pipes that it makes superfluous stay for the next run.
 */
static void lent_streams(void **state)
{
    (void)state;
    struct talk t;
    struct cell_exchange x;
    struct cell_result r;
    struct err e;
    struct cell_request q = talk_request();
    int in[2], out[2];
    char text[4] = "";

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    q.stdio[0] = (struct cell_stdio){ CELL_STDIO_FD, in[0] };
    q.stdio[1] = (struct cell_stdio){ CELL_STDIO_FD, out[1] };
    talk_begin(&t, (struct agent){ .lie = TRUTH });
    assert_int_equal(cell_pipes_make(&t.pipes, &e), 0);
    ino_t stays = fds_inode(t.pipes.write_end[CELL_OUT]), empty = fds_inode(t.pipes.stdin_fd);
    assert_int_equal(cell_exchange_begin(&x, &t.ends, &q, &e), 0);
    assert_int_equal(x.pipes.read_end[CELL_OUT], -1);
    assert_int_equal(fds_inode(t.pipes.write_end[CELL_OUT]), stays);
    assert_int_equal(fds_inode(t.pipes.stdin_fd), empty);
    closep(&in[0]);
    closep(&out[1]);
    assert_int_equal(cell_exchange_finish(&x, &r, &e), 0);
    assert_int_equal(read(out[0], text, sizeof text), 3);
    assert_string_equal(text, "out");
    assert_int_equal(r.out.len, 0);
    assert_string_equal(r.err.data, "erro"); /* captured as ever */
    cell_result_clear(&r);
    talk_end(&t);
    closep(&in[1]);
    closep(&out[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_that_cannot_be),
        cmocka_unit_test(lent_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
