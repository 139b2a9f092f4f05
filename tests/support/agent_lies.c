#include "tests/support/agent_lies.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/cell/cell_memfd.h"
#include "engine/cell/cell_socket.h"
#include "schema/base/err.h"

struct agent agent;

const struct agent_run *agent_got(void) { return (const void *)agent.got; }

static bool receive_run(void)
{
    char control[CMSG_SPACE(sizeof agent.fds)];
    struct iovec iov = { .iov_base = agent.got, .iov_len = sizeof agent.got };
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    if (recvmsg(agent.fd, &m, MSG_CMSG_CLOEXEC) < (ssize_t)sizeof(struct agent_run))
        return false;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (!c)
        return false;
    agent.fds_len = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(agent.fds, CMSG_DATA(c), agent.fds_len * sizeof(int));
    return true;
}

static void send_with(const void *data, size_t len, const int *fds, size_t fds_len)
{
    char room[AGENT_MESSAGE_MAX] = "";
    struct err e;
    memcpy(room, data, len < sizeof(struct agent_result) ? len : sizeof(struct agent_result));
    (void)!cell_socket_send(agent.fd, room, len, fds, fds_len, &e);
}

/* What the artefact is, if there is one. */
static int artefact(void)
{
    static const char large[100] = "";
    int pipes[2];
    struct err e;
    int fd = -1;
    switch (agent.lie) {
    case FD_UNSEALED:
        fd = memfd_create("a", MFD_CLOEXEC);
        break;
    case FD_WRITABLE:
        fd = memfd_create("a", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
        return fd;
    case FD_FILE:
        return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    case FD_PIPE:
        if (pipe2(pipes, O_CLOEXEC) < 0)
            return -1;
        (void)close(pipes[1]);
        return pipes[0];
    case FD_TOO_LARGE:
        return cell_memfd("a", large, sizeof large, &e);
    default:
        return cell_memfd("a", ARTEFACT, strlen(ARTEFACT), &e);
    }
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_RDONLY | O_CLOEXEC);
    (void)close(fd);
    return own;
}

static struct agent_result make_result(void)
{
    struct agent_result r = {
        .head = { .magic = AGENT_MAGIC, .kind = AGENT_RESULT, .nonce = agent_got()->head.nonce },
        .status = 3 << 8,
        .cpu_ns = 1000,
        .wall_ns = 2000,
        .memory_bytes = 4096,
        .limit = agent.saw_kill ? AGENT_LIMIT_KILLED : AGENT_LIMIT_NONE,
        .collected = agent_got()->collect ? AGENT_COLLECTED : AGENT_COLLECTED_NOTHING,
    };
    static const struct {
        enum lie lie;
        size_t at;
        uint64_t value;
        size_t size;
    } lies[] = {
        { WRONG_NONCE, offsetof(struct agent_result, head.nonce), 0, 8 },
        { WRONG_MAGIC, offsetof(struct agent_result, head.magic), 7, 4 },
        { WRONG_KIND, offsetof(struct agent_result, head.kind), AGENT_CLEAN, 4 },
        { LIMIT_UNKNOWN, offsetof(struct agent_result, limit), 77, 4 },
        { STARVED, offsetof(struct agent_result, limit), AGENT_LIMIT_STARVED, 4 },
        { KILLED_UNASKED, offsetof(struct agent_result, limit), AGENT_LIMIT_KILLED, 4 },
        { COLLECTED_UNKNOWN, offsetof(struct agent_result, collected), 77, 4 },
        { NEGATIVE_CPU, offsetof(struct agent_result, cpu_ns), UINT64_MAX, 8 },
        { NEGATIVE_WALL, offsetof(struct agent_result, wall_ns), UINT64_MAX, 8 },
        { STOPPED, offsetof(struct agent_result, status), 0x137f, 4 },
        { HUGE_MEMORY, offsetof(struct agent_result, memory_bytes), UINT64_MAX, 8 },
    };
    for (size_t i = 0; i < ARRAY_LEN(lies); i++)
        if (lies[i].lie == agent.lie) /* little-endian, as all machines we run on */
            memcpy((char *)&r + lies[i].at, &lies[i].value, lies[i].size);
    return r;
}

static void answer(void)
{
    struct agent_result r = make_result();
    struct agent_fault fault = { .head = r.head, .why = "no more room" };
    int fd = agent_got()->collect ? artefact() : -1;
    int fds[2] = { fd, fd };
    size_t len = sizeof r, fds_len = fd >= 0;

    if (agent.lie == FAULT || agent.lie == FAULT_OF_HOST) {
        fault.head.kind = AGENT_FAULT;
        fault.host = agent.lie == FAULT_OF_HOST;
        (void)!send(agent.fd, &fault, sizeof fault, MSG_NOSIGNAL);
        closep(&fd);
        return;
    }
    if (agent.lie == SHORT)
        len = sizeof r - 1;
    if (agent.lie == LONG)
        len = sizeof r + 1;
    if (agent.lie == ENORMOUS)
        len = AGENT_MESSAGE_MAX;
    if (agent.lie == FD_MISSING)
        fds_len = 0;
    if (agent.lie == FD_TWICE)
        fds_len = 2;
    if (agent.lie == FD_UNASKED) {
        fds[0] = agent.fds[0];
        fds_len = 1;
    }
    send_with(&r, len, fds, fds_len);
    closep(&fd);
}

static void flood(void)
{
    char junk[4096] = "";
    struct agent_header kill;
    while (recv(agent.fd, &kill, sizeof kill, MSG_DONTWAIT) != (ssize_t)sizeof kill)
        if (write(agent.fds[1], junk, sizeof junk) < 0)
            return;
    agent.saw_kill = kill.magic == AGENT_MAGIC && kill.kind == AGENT_KILL &&
                     kill.nonce == agent_got()->head.nonce;
}

static bool write_long_err(void)
{
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    for (int i = 0; i < 200; i++)
        if (write(agent.fds[2], junk, sizeof junk) != (ssize_t)sizeof junk)
            return false;
    return true;
}

void *agent_main(void *arg)
{
    (void)arg;
    char byte;
    if (!receive_run())
        return NULL;
    bool heard = true;
    if (agent.flood)
        flood();
    else
        heard = (!agent.long_err || write_long_err()) && write(agent.fds[1], "out", 3) == 3 &&
                write(agent.fds[2], "error", 5) == 5;
    if (!heard || agent.lie == SILENCE)
        (void)!recv(agent.fd, &byte, 1, 0); /* until the other end has had enough */
    else if (agent.lie != HANG_UP)
        answer();
    for (size_t i = 0; i < agent.fds_len; i++)
        if (!agent.keep_pipe || i != 1)
            closep(&agent.fds[i]);
    if (agent.lie == HANG_UP)
        closep(&agent.fd);
    return NULL;
}
