#include "tests/support/fake_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/cell/cell_memfd.h"
#include "engine/language/language.h"

static void fake_read_fd(int fd, char *out, size_t size)
{
    ssize_t n = pread(fd, out, size - 1, 0);
    out[n > 0 ? n : 0] = '\0';
}

static void fake_say(int fd, const char *text)
{
    for (size_t len = text ? strlen(text) : 0; len > 0;) {
        ssize_t n = write(fd, text, len);
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        if (n < 0 && (errno != EAGAIN || poll(&p, 1, 10000) <= 0))
            return;
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static void fake_send(int fd, const void *message, size_t len, int passed)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    char copy[sizeof(struct agent_result) + sizeof(struct agent_fault)];
    memcpy(copy, message, len);
    struct iovec iov = { .iov_base = copy, .iov_len = len };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (passed >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &passed, sizeof passed);
    }
    (void)!sendmsg(fd, &m, MSG_NOSIGNAL);
}

static ssize_t fake_receive(int fd, void *message, size_t size, int fds[AGENT_FDS_MAX],
                            size_t *ret_fds)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(AGENT_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = { .iov_base = message, .iov_len = size };
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    *ret_fds = c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
    if (c)
        memcpy(fds, CMSG_DATA(c), *ret_fds * sizeof(int));
    return n;
}

/* Until the server has hung up. */
static void fake_wait_for_end(int fd)
{
    char ignored[64];
    while (recv(fd, ignored, sizeof ignored, 0) > 0)
        ;
}

#define FAKE_PROGRAM "#!/bin/sh\n"

static int fake_build(const char *source, struct err *e)
{
    char program[sizeof(((struct fake_run *)NULL)->source) + sizeof FAKE_PROGRAM];
    int n = snprintf(program, sizeof program, "%s%s", FAKE_PROGRAM, source);

    return cell_memfd("built", program, (size_t)n, e);
}

static void fake_result(int fd, const struct fake_run *r)
{
    bool failed = r->exec_errno != 0 || r->status != 0 || r->limit != AGENT_LIMIT_NONE;
    bool asked = r->order->collect != AGENT_COLLECT_NONE;
    enum agent_collected collected = failed || !asked ? AGENT_COLLECTED_NOTHING : r->collected;
    struct agent_result a = { .head = r->order->head,
                              .limit = r->limit,
                              .collected = collected,
                              .status = r->status,
                              .exec_errno = r->exec_errno,
                              .cpu_ns = r->cpu_ns,
                              .wall_ns = r->cpu_ns * 2,
                              .memory_bytes = (uint64_t)r->memory_bytes,
                              .oom_kills = r->oom_kills,
                              .pids_hits = r->pids_hits };
    struct err e;
    CLEANUP(closep) int built = -1;

    a.head.kind = AGENT_RESULT;
    if (collected == AGENT_COLLECTED)
        built = fake_build(r->source, &e);
    fake_send(fd, &a, sizeof a, built);
}

/* False: the agent ends. */
static bool fake_do_run(int fd, struct fake_run *r, const int *fds)
{
    struct agent_fault fault = { .head = r->order->head, .why = "no more room" };

    if (r->way == FAKE_HOLDS && !fake_hold(fd))
        return false;
    if (r->way == FAKE_HANGS_UP)
        return false;
    if (r->way == FAKE_SILENT) {
        fake_add(&fake.held);
        fake_wait_for_end(fd);
        return false;
    }
    if (r->way == FAKE_FAULT) {
        fault.head.kind = AGENT_FAULT;
        fake_send(fd, &fault, sizeof fault, -1);
        return true;
    }
    fake_say(fds[1], r->out);
    fake_say(fds[2], r->err);
    fake_result(fd, r);
    return true;
}

static bool fake_take_run(int fd, const struct agent_run *order, const int *fds, size_t fds_len,
                          const char *name)
{
    struct fake_run r = { .order = order,
                          .argv0 = order->blob,
                          .name = name,
                          .out = LANGUAGE_HELLO_OUTPUT,
                          .err = "",
                          .cpu_ns = 1000000,
                          .memory_bytes = MIB,
                          .collected = AGENT_COLLECTED };
    fake_read_fd(fds[0], r.input, sizeof r.input);
    if (fds_len > 3) /* the executable, or the first file */
        fake_read_fd(fds[3], r.source, sizeof r.source);
    if (strncmp(r.source, FAKE_PROGRAM, strlen(FAKE_PROGRAM)) == 0)
        memmove(r.source, r.source + strlen(FAKE_PROGRAM),
                strlen(r.source + strlen(FAKE_PROGRAM)) + 1);
    if (order->collect != AGENT_COLLECT_NONE)
        r.out = "";
    fake_add(&fake.runs);
    if (fake.on_run)
        fake.on_run(&r);
    return fake_do_run(fd, &r, fds);
}

static void fake_talk(int fd, const char *name)
{
    CLEANUP(freep) struct agent_run *order = malloc(AGENT_MESSAGE_MAX);
    struct agent_hello hello = { .head = { .magic = AGENT_MAGIC, .kind = AGENT_HELLO },
                                 .version = AGENT_VERSION,
                                 .box = AGENT_BOX_INPLACE,
                                 .cgroup_version = 1 };
    fake_send(fd, &hello, sizeof hello, -1);
    for (bool go = order != NULL; go;) {
        int fds[AGENT_FDS_MAX];
        size_t fds_len = 0;
        ssize_t n = fake_receive(fd, order, AGENT_MESSAGE_MAX, fds, &fds_len);
        if (n < (ssize_t)sizeof order->head)
            break;
        if (order->head.kind == AGENT_RUN && n >= (ssize_t)sizeof *order && fds_len >= 3)
            go = fake_take_run(fd, order, fds, fds_len, name);
        if (order->head.kind == AGENT_VERIFY) {
            bool clean = !fake.on_prove || fake.on_prove(name);
            struct agent_fault fault = { .head = order->head, .why = "not clean" };
            fault.head.kind = clean ? AGENT_CLEAN : AGENT_FAULT;
            fake_send(fd, &fault, clean ? sizeof fault.head : sizeof fault, -1);
            fake_add(&fake.proved);
        }
        while (fds_len > 0)
            (void)close(fds[--fds_len]);
    }
}

void *fake_agent_main(void *arg)
{
    const struct fake_container *c = arg;
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%.35s/%.63s/socket", fake.cells, c->name);
    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    fake_connected(fd);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        fake_talk(fd, c->name);
    fake_disconnected(fd);
    return NULL;
}
