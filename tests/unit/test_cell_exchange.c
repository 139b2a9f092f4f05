/* The talk with an agent, where the test is the agent: also one that lies. */
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "engine/cell/cell_exchange.h"
#include "engine/cell/cell_memfd.h"
#include "engine/cell/cell_pipes.h"
#include "engine/cell/cell_socket.h"
#include "engine/cell/cell_types.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

enum lie {
    TRUTH,
    WRONG_NONCE,
    WRONG_MAGIC,
    WRONG_KIND,
    SHORT,
    LONG,
    ENORMOUS,
    HANG_UP,
    FAULT,
    FAULT_OF_HOST,
    SILENCE,
    LIMIT_UNKNOWN,
    STARVED,
    KILLED_UNASKED,
    COLLECTED_UNKNOWN,
    NEGATIVE_CPU,
    NEGATIVE_WALL,
    STOPPED,
    HUGE_MEMORY,
    FD_UNASKED,
    FD_MISSING,
    FD_TWICE,
    FD_UNSEALED,
    FD_WRITABLE,
    FD_FILE,
    FD_PIPE,
    FD_TOO_LARGE,
};

#define ARTEFACT "artefact"

/* One agent of ours. */
static struct agent {
    int fd;
    enum lie lie;
    bool flood;     /* stdout until KILL */
    bool long_err;  /* much of stderr before its end */
    bool keep_pipe; /* somebody still holds the write end */
    int fds[AGENT_FDS_MAX];
    size_t fds_len;
    _Alignas(struct agent_run) char got[AGENT_MESSAGE_MAX];
    bool saw_kill;
} agent;

static const struct agent_run *got(void) { return (const void *)agent.got; }

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
        .head = { .magic = AGENT_MAGIC, .kind = AGENT_RESULT, .nonce = got()->head.nonce },
        .status = 3 << 8,
        .cpu_ns = 1000,
        .wall_ns = 2000,
        .memory_bytes = 4096,
        .limit = agent.saw_kill ? AGENT_LIMIT_KILLED : AGENT_LIMIT_NONE,
        .collected = got()->collect ? AGENT_COLLECTED : AGENT_COLLECTED_NOTHING,
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
    int fd = got()->collect ? artefact() : -1;
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
    agent.saw_kill =
        kill.magic == AGENT_MAGIC && kill.kind == AGENT_KILL && kill.nonce == got()->head.nonce;
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

static void *agent_main(void *arg)
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

static const char *const words[] = { "one", "", "three", NULL };
static const char *const env[] = { "A=1", NULL };

static struct cell_request a_request(void)
{
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

struct talk {
    struct cell_exchange_ends ends;
    struct cell_pipes pipes;
    pthread_t thread;
};

static void talk_begin(struct talk *t, struct agent how)
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

/* The whole exchange. */
static int exchange(const struct cell_exchange_ends *ends, const struct cell_request *q,
                    struct cell_result *ret_result, struct err *e)
{
    struct cell_exchange x;

    return cell_exchange_begin(&x, ends, q, e) < 0 ? -1 : cell_exchange_finish(&x, ret_result, e);
}

static void talk_end(struct talk *t)
{
    cell_pipes_close(&t->pipes);
    closep(&t->ends.agent_fd);
    assert_int_equal(pthread_join(t->thread, NULL), 0);
    closep(&t->ends.abort_fd);
    closep(&agent.fd);
    if (agent.keep_pipe)
        closep(&agent.fds[1]);
}

static void truth(void **state)
{
    (void)state;
    struct talk t;
    struct cell_result r;
    struct err e;
    struct cell_request q = a_request();

    talk_begin(&t, (struct agent){ .keep_pipe = true });
    assert_int_equal(exchange(&t.ends, &q, &r, &e), 0);
    assert_string_equal(r.out.data, "out"); /* also what was still in the pipe */
    assert_string_equal(r.err.data, "erro");
    assert_true(r.err_truncated && !r.out_flooded);
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
    struct cell_request q = a_request();

    talk_begin(&t, (struct agent){ .long_err = true });
    assert_int_equal(exchange(&t.ends, &q, &r, &e), 0);
    assert_string_equal(r.err.data, "xxxx");
    assert_true(r.err_end.len > 4096 && r.err_end.len < 400 * 1024);
    assert_string_equal(r.err_end.data + r.err_end.len - 6, "xerror");
    cell_result_clear(&r);
    talk_end(&t);
}

static int open_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static ino_t inode_of(int fd)
{
    struct stat st = { 0 };
    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

/* What a run can still write to, and what it read from, is of no other run. */
static void what_is_made_ahead_is_new(void **state)
{
    (void)state;
    struct cell_pipes ahead = CELL_PIPES_NONE;
    struct err e;
    ino_t in[3], out[3];
    int before = open_fds();

    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_LEN(in); i++) {
        struct talk t;
        struct cell_result r;
        struct cell_request q = a_request();

        talk_begin(&t, (struct agent){ .keep_pipe = true });
        t.ends.next_pipes = &ahead;
        assert_int_equal(exchange(&t.ends, &q, &r, &e), 0);
        assert_string_equal(r.out.data, "out");
        cell_result_clear(&r);
        assert_int_equal(write(agent.fds[1], "late", 4), -1); /* nobody reads there any more */
        assert_int_equal(errno, EPIPE);
        in[i] = inode_of(ahead.stdin_fd);
        out[i] = inode_of(ahead.write_end[CELL_OUT]);
        for (size_t j = 0; j < i; j++)
            assert_true(in[j] != in[i] && out[j] != out[i]);
        talk_end(&t);
    }
    assert_int_equal(open_fds(), before + 5);
    cell_pipes_close(&ahead);
    assert_int_equal(open_fds(), before);
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
    int before = open_fds();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct talk t;
        struct cell_result r = { .artefact_fd = -2 };
        struct err e = { .kind = ERR_NONE };
        struct cell_request q = a_request();
        q.wall_limit_ns = cases[i].lie == SILENCE ? 1 : 0;
        q.collect = cases[i].collect ? AGENT_COLLECT_FILE : AGENT_COLLECT_NONE;
        q.collect_name = "a.out";
        q.collect_max = 99;
        talk_begin(&t, (struct agent){ .lie = cases[i].lie });
        int rc = exchange(&t.ends, &q, &r, &e);
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
    assert_int_equal(open_fds(), before); /* no descriptor may stay, whatever came */
}

static void flooded(void **state)
{
    (void)state;
    struct talk t;
    struct cell_result r;
    struct err e;
    struct cell_request q = a_request();
    talk_begin(&t, (struct agent){ .flood = true });
    assert_int_equal(exchange(&t.ends, &q, &r, &e), 0);
    assert_true(r.out_flooded);
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
    struct cell_request q = a_request();
    talk_begin(&t, (struct agent){ .lie = SILENCE });
    assert_int_equal(eventfd_write(t.ends.abort_fd, 1), 0);
    assert_int_equal(exchange(&t.ends, &q, &r, &e), -1);
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
    struct cell_request q = a_request();
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
    assert_int_equal(exchange(&t.ends, &q, &r, &e), -1);
    talk_end(&t);

    const struct agent_run *run = got();
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
    struct cell_request q = a_request();
    struct cell_file files[AGENT_FILES_MAX + 1] = { { .name = "x", .fd = 0 } };
    struct cell_pipes pipes = CELL_PIPES_NONE;
    struct cell_exchange_ends nobody = { .agent_fd = -1, .abort_fd = -1, .next_pipes = &pipes };
    struct cell_result r;
    struct err e;

    assert_non_null(large);
    memset(large, 'x', AGENT_MESSAGE_MAX - 1);
    large[AGENT_MESSAGE_MAX - 1] = '\0';
    q.argv = argv;
    assert_int_equal(exchange(&nobody, &q, &r, &e), -1);
    assert_int_equal(e.kind, ERR_BUG);
    q = a_request();
    q.files = files;
    q.files_len = ARRAY_LEN(files);
    assert_int_equal(exchange(&nobody, &q, &r, &e), -1);
    assert_int_equal(e.kind, ERR_BUG);
    cell_pipes_close(&pipes);
}

/* What no agent could do with a stream is refused before anything is sent. */
static void streams_that_cannot_be(void **state)
{
    (void)state;
    int before = open_fds(), p[2], slow[2], file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

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
        struct cell_request q = a_request();
        struct cell_result r;
        struct err e = { .kind = ERR_NONE };

        q.stdio[cases[i].which] = cases[i].stream;
        assert_int_equal(exchange(&nobody, &q, &r, &e), -1);
        if (e.kind != ERR_BUG)
            fail_msg("case %zu: %s: %s", i, err_kind_name(e.kind), e.msg);
        cell_pipes_close(&pipes);
    }
    for (int i = 0; i < 2; i++) {
        closep(&p[i]);
        closep(&slow[i]);
    }
    closep(&file);
    assert_int_equal(open_fds(), before);
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
    struct cell_request q = a_request();
    int in[2], out[2];
    char text[4] = "";

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    q.stdio[0] = (struct cell_stdio){ CELL_STDIO_FD, in[0] };
    q.stdio[1] = (struct cell_stdio){ CELL_STDIO_FD, out[1] };
    talk_begin(&t, (struct agent){ .lie = TRUTH });
    assert_int_equal(cell_pipes_make(&t.pipes, &e), 0);
    ino_t stays = inode_of(t.pipes.write_end[CELL_OUT]), empty = inode_of(t.pipes.stdin_fd);
    assert_int_equal(cell_exchange_begin(&x, &t.ends, &q, &e), 0);
    assert_int_equal(x.pipes.read_end[CELL_OUT], -1);
    assert_int_equal(inode_of(t.pipes.write_end[CELL_OUT]), stays);
    assert_int_equal(inode_of(t.pipes.stdin_fd), empty);
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

/* Each wait ends with one more that is over, and none is waited for that is over already. */
static void two_at_once(void **state)
{
    (void)state;
    struct cell_exchange x[2], *const both[2] = { &x[0], &x[1] };
    struct cell_pipes pipes[2] = { CELL_PIPES_NONE, CELL_PIPES_NONE };
    struct cell_request q = a_request();
    struct cell_result r;
    int before = open_fds(), pair[2][2], abort_fd[2];
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
    assert_int_equal(open_fds(), before);
}

/* One is given up while it goes on. */
static void given_up(void **state)
{
    (void)state;
    struct talk t;
    struct cell_exchange x;
    struct err e;
    struct cell_request q = a_request();
    int before = open_fds();

    talk_begin(&t, (struct agent){ .lie = SILENCE });
    assert_int_equal(cell_exchange_begin(&x, &t.ends, &q, &e), 0);
    cell_exchange_clear(&x);
    talk_end(&t);
    assert_int_equal(open_fds(), before);
}

static void memfd(void **state)
{
    (void)state;
    struct err e;
    char text[4] = "";
    int fd = cell_memfd("x", "abc", 3, &e);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    const int sealed = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    assert_int_equal(fcntl(fd, F_GET_SEALS) & sealed, sealed);
    assert_int_equal(read(fd, text, 4), 3);
    assert_string_equal(text, "abc");
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDWR | O_CLOEXEC);
    if (again >= 0) {
        assert_int_equal(write(again, "x", 1), -1);
        assert_int_equal(errno, EPERM);
        closep(&again);
    }
    closep(&fd);
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
        cmocka_unit_test(memfd),
        cmocka_unit_test(request_as_sent),
        cmocka_unit_test(does_not_fit),
        cmocka_unit_test(streams_that_cannot_be),
        cmocka_unit_test(lent_streams),
        cmocka_unit_test(two_at_once),
        cmocka_unit_test(given_up),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* the agent of this test shares our process */
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
