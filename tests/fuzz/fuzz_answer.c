/* Any bytes and any descriptors as an agent's answer to a RUN: never a crash, no descriptor is left
 * open, and what is taken keeps the promises of cell.h.
 *
 * The first byte says what comes with the bytes behind it (enum with below), and whether they get
 * the nonce of the RUN, without which nothing is looked at.
 */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "engine/agent/memfd.h"
#include "engine/cell/cell.h"
#include "engine/cell/cell_exchange.h"
#include "engine/cell/cell_socket.h"
#include "schema/base/err.h"
#include "tests/fuzz/fuzz.h"

enum with {
    WITH_ONE = 1,
    WITH_TWO = 2,
    WITH_UNSEALED = 4, /* instead of a sealed memfd */
    WITH_COLLECT = 8,  /* an artefact was asked for */
    WITH_NONCE = 16,
};

struct answer {
    int fd;
    uint8_t with;
    const uint8_t *data;
    size_t size;
};

static int artefact(uint8_t with)
{
    CLEANUP(closep) int fd = memfd_new("a", MEMFD_PROGRAM);

    MUST(fd >= 0 && write(fd, "artefact", 8) == 8);
    return with & WITH_UNSEALED ? TAKE_FD(fd) : memfd_seal(fd);
}

static void *agent_main(void *arg)
{
    const struct answer *a = arg;
    union {
        struct agent_run run;
        char bytes[AGENT_MESSAGE_MAX];
    } *got = malloc(sizeof *got);
    char control[CMSG_SPACE(CELL_SOCKET_FDS_MAX * sizeof(int))];
    struct iovec io = { .iov_base = got, .iov_len = sizeof *got };
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    int fds[3], n = a->with & (WITH_ONE | WITH_TWO);
    struct err e;

    MUST(got && recvmsg(a->fd, &m, MSG_CMSG_CLOEXEC) > 0);
    uint8_t *data = malloc(a->size + 1);
    MUST(data);
    memcpy(data, a->data, a->size);
    if ((a->with & WITH_NONCE) && a->size >= sizeof got->run.head)
        memcpy(data + offsetof(struct agent_header, nonce), &got->run.head.nonce,
               sizeof got->run.head.nonce);
    for (int i = 0; i < n; i++)
        fds[i] = artefact(a->with);
    if (a->size > 0)
        MUST(cell_socket_send(a->fd, data, a->size, fds, (size_t)n, &e) == 0);
    for (int i = 0; i < n; i++)
        closep(&fds[i]);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    for (size_t i = 0; c && i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
        closep(&fd);
    }
    (void)shutdown(a->fd, SHUT_RDWR); /* so that nobody waits for more */
    free(data);
    free(got);
    return NULL;
}

static void check(const struct cell_result *r)
{
    const struct agent_result *a = &r->agent;

    MUST(a->limit <= AGENT_LIMIT_WALL && a->collected <= AGENT_COLLECTED_TOO_BIG);
    MUST(a->cpu_ns >= 0 && a->wall_ns >= 0 && a->waited_ns >= 0 && a->exec_errno >= 0);
    MUST(a->exec_errno > 0 || WIFEXITED(a->status) || WIFSIGNALED(a->status));
    MUST((a->collected == AGENT_COLLECTED) == (r->artefact_fd >= 0));
    if (r->artefact_fd >= 0)
        MUST(fcntl(r->artefact_fd, F_GET_SEALS) & F_SEAL_WRITE);
}

static int open_fds(void)
{
    int count = 0;

    for (int fd = 0; fd < 64; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const argv[] = { "x", NULL };
    struct cell_request q = { .argv = argv,
                              .exec_fd = -1,
                              .stdio = CELL_STDIO_ALONE(-1),
                              .cpu_limit_ns = NS_PER_S,
                              .memory_limit = MIB,
                              .out_max = 10,
                              .collect_max = 99 };
    struct cell_result r = { .artefact_fd = -1 };
    int before = open_fds(), pair[2];
    pthread_t thread;
    struct err e = { .kind = ERR_NONE };

    if (size == 0)
        return 0;
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    struct answer a = { .fd = pair[1], .with = data[0], .data = data + 1, .size = size - 1 };
    struct cell_pipes pipes = CELL_PIPES_NONE;
    struct cell_exchange_ends ends = { .agent_fd = pair[0],
                                       .abort_fd = eventfd(0, EFD_CLOEXEC),
                                       .next_pipes = &pipes };
    struct cell_exchange x;
    q.collect = a.with & WITH_COLLECT ? AGENT_COLLECT_FILE : AGENT_COLLECT_NONE;
    MUST(pthread_create(&thread, NULL, agent_main, &a) == 0);
    int rc = cell_exchange_begin(&x, &ends, &q, &e);
    if (rc == 0)
        rc = cell_exchange_finish(&x, &r, &e);
    MUST(pthread_join(thread, NULL) == 0);
    MUST(rc == 0 || e.kind == ERR_CELL || e.kind == ERR_HOST);
    if (rc == 0)
        check(&r);
    cell_result_clear(&r);
    closep(&pair[0]);
    closep(&pair[1]);
    closep(&ends.abort_fd);
    cell_pipes_close(&pipes);
    MUST(open_fds() == before);
    return 0;
}
