#include "tests/support/talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "engine/cell/cell_types.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

void talk_begin(struct talk *t, struct agent how)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    agent = how;
    agent.fd = pair[1];
    t->pipes = (struct cell_pipes)CELL_PIPES_NONE;
    t->ends = (struct cell_exchange_ends){ .agent_fd = pair[0],
                                           .abort_fd = eventfd(0, EFD_CLOEXEC),
                                           .next_pipes = &t->pipes };
    assert_int_equal(pthread_create(&t->thread, NULL, agent_main, NULL), 0);
}

void talk_end(struct talk *t)
{
    cell_pipes_close(&t->pipes);
    closep(&t->ends.agent_fd);
    assert_int_equal(pthread_join(t->thread, NULL), 0);
    closep(&t->ends.abort_fd);
    closep(&agent.fd);
    if (agent.keep_pipe)
        closep(&agent.fds[1]);
}

struct cell_request talk_request(void)
{
    static const char *const words[] = { "one", "", "three", NULL };
    static const char *const env[] = { "A=1", NULL };

    return (struct cell_request){ .argv = words,
                                  .env = env,
                                  .exec_fd = -1,
                                  .stdio = CELL_STDIO_ALONE(-1),
                                  .cpu_limit_ns = NS_PER_S,
                                  .memory_limit = 64 * MIB,
                                  .file_bytes = MIB,
                                  .out_max = 1000,
                                  .err_keep = 4 };
}

int talk_exchange(const struct cell_exchange_ends *ends, const struct cell_request *q,
                  struct cell_result *ret_result, struct err *e)
{
    struct cell_exchange x;

    return cell_exchange_begin(&x, ends, q, e) < 0 ? -1 : cell_exchange_finish(&x, ret_result, e);
}
