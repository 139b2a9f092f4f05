#include "engine/cell/cell_exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "engine/cell/cell_pipes.h"
#include "engine/cell/cell_socket.h"
#include "engine/cell/cell_types.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

#define WALL_GRACE_NS (100 * NS_PER_MS)
#define WALL_CAP_NS   (60 * NS_PER_S) /* above the CPU limit, where the wall limit is derived */
#define START_NS      (5 * NS_PER_S)  /* before the limits count: the agent's time to start it */
#define ANSWER_NS     (2 * NS_PER_S)  /* above the last limit: the agent's time to answer */
#define FILES_NS      (10 * NS_PER_S) /* more of it where files are unpacked or collected */
#define PROVE_NS      (10 * NS_PER_S)
#define OPEN_FILES    1024
#define CHUNK         (64 * 1024)
#define ERR_END       ((size_t)64 * 1024)
/* No pipe holds more than this behind a box whose processes are all dead. */
#define DRAIN_MAX (8 * MIB)

/* One run in progress. */
struct flow {
    const struct cell_exchange_ends *ends;
    const struct cell_request *q;
    uint64_t nonce;
    int64_t deadline; /* clock_mono_ns(): nobody waits longer */
    /* A read end is closed after its EOF. The write ends are kept until the agent has spoken: an
     * EOF would wake us for nothing, and take a core from those who are about to say how it ended.
     */
    struct cell_pipes pipes;
    bool over[CELL_PIPES];
    bool kill_sent;
    struct cell_result r;
};

static void flow_done(struct flow *f)
{
    cell_pipes_close(&f->pipes);
    cell_result_clear(&f->r);
}

/* ---- what is sent ---- */

static int new_nonce(uint64_t *ret_nonce, struct err *e)
{
    if (getrandom(ret_nonce, sizeof *ret_nonce, 0) != (ssize_t)sizeof *ret_nonce)
        return err_errno(e, ERR_BUG, errno, "getrandom");
    return 0;
}

/* The same bytes through a description of its own: offset 0, read-only. */
static int reopen(int fd, int *ret_fd, struct err *e)
{
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (own < 0)
        return err_errno(e, ERR_NOMEM, errno, "open descriptor %d again", fd);
    *ret_fd = own;
    return 0;
}

/* The descriptors of one RUN, in the protocol's order; those in `opened` are ours to close. */
struct parcel {
    int fds[AGENT_FDS_MAX], opened[AGENT_FDS_MAX];
    size_t len, opened_len;
};

static void parcel_close(struct parcel *p)
{
    for (size_t i = 0; i < p->opened_len; i++)
        closep(&p->opened[i]);
}

static void parcel_lend(struct parcel *p, int fd) { p->fds[p->len++] = fd; }

/* Takes fd. */
static void parcel_add(struct parcel *p, int fd)
{
    p->opened[p->opened_len++] = fd;
    parcel_lend(p, fd);
}

static int parcel_add_again(struct parcel *p, int fd, struct err *e)
{
    int own;

    if (reopen(fd, &own, e) < 0)
        return -1;
    parcel_add(p, own);
    return 0;
}

static int pack_fds(struct flow *f, struct parcel *p, struct err *e)
{
    const struct cell_request *q = f->q;

    if (cell_pipes_make(&f->pipes, e) < 0)
        return -1;
    if (q->stdin_fd < 0)
        parcel_lend(p, f->pipes.stdin_fd);
    else if (parcel_add_again(p, q->stdin_fd, e) < 0)
        return -1;
    for (int i = 0; i < CELL_PIPES; i++)
        parcel_lend(p, f->pipes.write_end[i]);
    if (q->exec_fd >= 0)
        parcel_lend(p, q->exec_fd); /* nobody reads from it: it has no offset to share */
    for (size_t i = 0; i < q->files_len; i++)
        if (parcel_add_again(p, q->files[i].fd, e) < 0)
            return -1;
    return 0;
}

/* A message as it grows: the struct, then strings with their NULs. */
struct dead_letter {
    struct agent_run *run; /* owned; AGENT_MESSAGE_MAX bytes */
    size_t blob_len;
    bool full;
};

static void letter_add(struct dead_letter *l, const char *text)
{
    size_t len = strlen(text) + 1;
    if (l->full || len > (size_t)AGENT_MESSAGE_MAX - sizeof *l->run - l->blob_len) {
        l->full = true;
        return;
    }
    memcpy(l->run->blob + l->blob_len, text, len);
    l->blob_len += len;
}

static uint32_t letter_add_list(struct dead_letter *l, const char *const *list)
{
    uint32_t count = 0;
    for (; list && list[count]; count++)
        letter_add(l, list[count]);
    return count;
}

static int64_t wall_cap(const struct cell_request *q)
{
    return q->wall_limit_ns > 0 ? q->wall_limit_ns : q->cpu_limit_ns + WALL_CAP_NS;
}

static int write_letter(struct dead_letter *l, const struct flow *f, struct err *e)
{
    const struct cell_request *q = f->q;

    *l->run = (struct agent_run){
        .head = { .magic = AGENT_MAGIC, .kind = AGENT_RUN, .nonce = f->nonce },
        .cpu_limit_ns = q->cpu_limit_ns,
        .wall_limit_ns = q->wall_limit_ns,
        .wall_grace_ns = WALL_GRACE_NS,
        .wall_cap_ns = wall_cap(q),
        .memory_limit = (uint64_t)q->memory_limit,
        .file_bytes = (uint64_t)q->file_bytes,
        .collect_max = (uint64_t)q->collect_max,
        .open_files = OPEN_FILES,
        .collect = q->collect,
        .exec_fd = q->exec_fd >= 0,
        .argc = letter_add_list(l, q->argv),
        .envc = letter_add_list(l, q->env),
        .filec = (uint32_t)q->files_len,
    };
    letter_add(l, q->collect_name ? q->collect_name : "");
    for (size_t i = 0; i < q->files_len; i++) {
        l->run->file_kind[i] = q->files[i].kind;
        letter_add(l, q->files[i].name);
    }
    l->run->blob_len = (uint32_t)l->blob_len;
    if (l->full)
        return err_set(e, ERR_BUG, "arguments and environment are larger than a message");
    return 0;
}

static int send_run(struct flow *f, struct err *e)
{
    CLEANUP(parcel_close) struct parcel p = { .len = 0 };
    CLEANUP(freep) void *room = malloc((size_t)AGENT_MESSAGE_MAX);
    struct dead_letter l = { .run = room };

    if (!room)
        return err_set(e, ERR_NOMEM, "a message to the agent");
    if (f->q->files_len > AGENT_FILES_MAX)
        return err_set(e, ERR_BUG, "%zu files in one run", f->q->files_len);
    if (new_nonce(&f->nonce, e) < 0 || pack_fds(f, &p, e) < 0 || write_letter(&l, f, e) < 0)
        return -1;
    return cell_socket_send(f->ends->agent_fd, l.run, sizeof *l.run + l.blob_len, p.fds, p.len, e);
}

/* ---- while it goes on ---- */

/* A runtime's last words are behind all that the program wrote. */
static int keep_end(struct buf *end, const char *data, size_t len)
{
    if (end->len >= 2 * ERR_END) {
        memmove(end->data, end->data + end->len - ERR_END, ERR_END);
        end->len = ERR_END;
    }
    return buf_add(end, data, len);
}

/* Reads what is there, at most max bytes, and keeps the first `keep` of the whole. */
static int drain(struct flow *f, int which, int64_t max, struct err *e)
{
    struct buf *b = which == CELL_OUT ? &f->r.out : &f->r.err;
    size_t keep = (size_t)(which == CELL_OUT ? f->q->out_max : f->q->err_keep);
    char chunk[CHUNK];

    for (int64_t seen = 0; seen < max && f->pipes.read_end[which] >= 0;) {
        ssize_t n = read(f->pipes.read_end[which], chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0) {
            closep(&f->pipes.read_end[which]); /* EOF: nobody holds the other end */
            return 0;
        }
        seen += n;
        size_t len = (size_t)n, room = keep - b->len;
        f->over[which] = f->over[which] || len > room;
        if (buf_add(b, chunk, len < room ? len : room) < 0 ||
            (which == CELL_ERR && f->over[which] && keep_end(&f->r.err_end, chunk, len) < 0))
            return err_set(e, ERR_NOMEM, "the program's output");
    }
    return 0;
}

/* Beyond its cap the output decides the verdict: no use in letting it go on. */
static int stop_flood(struct flow *f, struct err *e)
{
    struct agent_header kill = { .magic = AGENT_MAGIC, .kind = AGENT_KILL, .nonce = f->nonce };
    if (!f->over[CELL_OUT] || f->kill_sent)
        return 0;
    f->kill_sent = true;
    return cell_socket_send(f->ends->agent_fd, &kill, sizeof kill, NULL, 0, e);
}

static int ms_until(int64_t deadline)
{
    int64_t left = deadline - clock_mono_ns();
    if (left <= 0)
        return 0;
    left = left / NS_PER_MS + 1;
    return left > 60000 ? 60000 : (int)left;
}

/* Waits for the agent, the abort and the pipes. Returns 1 when the agent has spoken
 * or gone, 0 to be called again. */
static int wait_once(struct flow *f, struct err *e)
{
    struct pollfd p[4] = {
        { .fd = f->ends->agent_fd, .events = POLLIN },
        { .fd = f->ends->abort_fd, .events = POLLIN },
        { .fd = f->pipes.read_end[CELL_OUT], .events = POLLIN },
        { .fd = f->pipes.read_end[CELL_ERR], .events = POLLIN },
    };
    int n = poll(p, ARRAY_LEN(p), ms_until(f->deadline));
    if (n < 0 && errno != EINTR)
        return err_errno(e, ERR_BUG, errno, "poll");
    if (n <= 0) {
        if (clock_mono_ns() >= f->deadline)
            return err_set(e, ERR_TIMEOUT, "the agent did not answer in time");
        return 0;
    }
    if (p[1].revents)
        return err_set(e, ERR_CANCELLED, "the run was cancelled");
    for (int i = 0; i < CELL_PIPES; i++)
        if (p[2 + i].revents && drain(f, i, MIB, e) < 0)
            return -1;
    if (stop_flood(f, e) < 0)
        return -1;
    return p[0].revents != 0;
}

/* ---- the answer ---- */

int cell_exchange_fault(const struct agent_fault *f, struct err *e)
{
    return err_set(e, f->host ? ERR_HOST : ERR_CELL, "the agent gave up: %.*s", (int)sizeof f->why,
                   f->why);
}

union answer {
    struct agent_header head;
    struct agent_result result;
    struct agent_fault fault;
};

/* Receives one answer of this kind and length to this nonce; *ret_fd is what came with it. */
static int hear(int agent_fd, const struct agent_header *want, size_t want_len, union answer *a,
                int *ret_fd, struct err *e)
{
    size_t len = 0;
    CLEANUP(closep) int fd = -1;

    if (cell_socket_receive(agent_fd, a, sizeof *a, &len, &fd, e) < 0)
        return -1;
    if (len < sizeof a->head || a->head.magic != AGENT_MAGIC || a->head.nonce != want->nonce)
        return err_set(e, ERR_CELL, "odd answer from the agent: %zu bytes", len);
    if (a->head.kind == AGENT_FAULT && len == sizeof a->fault)
        return cell_exchange_fault(&a->fault, e);
    if (a->head.kind != want->kind || len != want_len)
        return err_set(e, ERR_CELL, "odd answer from the agent: kind %u, %zu bytes",
                       (unsigned)a->head.kind, len);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* An artefact is read by us and run by others: nobody may change it any more. */
static int check_artefact(const struct cell_request *q, int fd, struct err *e)
{
    const int sealed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS), flags = fcntl(fd, F_GETFL);

    if (q->collect == AGENT_COLLECT_NONE || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        seals < 0 || (seals & sealed) != sealed || (flags & O_ACCMODE) != O_RDONLY)
        return err_set(e, ERR_CELL, "the artefact is not what was asked for");
    if (st.st_size > q->collect_max)
        return err_set(e, ERR_CELL, "the artefact has %lld bytes, more than was asked for",
                       (long long)st.st_size);
    return 0;
}

static bool numbers_ok(const struct agent_result *r)
{
    return r->limit <= AGENT_LIMIT_KILLED && r->collected <= AGENT_COLLECTED_TOO_BIG &&
           r->cpu_ns >= 0 && r->wall_ns >= 0 && r->waited_ns >= 0 && r->exec_errno >= 0 &&
           r->memory_bytes <= INT64_MAX &&
           (r->exec_errno > 0 || WIFEXITED(r->status) || WIFSIGNALED(r->status));
}

static int hear_result(struct flow *f, struct err *e)
{
    const struct agent_header want = { .kind = AGENT_RESULT, .nonce = f->nonce };
    union answer a;
    struct agent_result *r = &a.result;

    if (hear(f->ends->agent_fd, &want, sizeof *r, &a, &f->r.artefact_fd, e) < 0)
        return -1;
    if (!numbers_ok(r) || (r->collected == AGENT_COLLECTED) != (f->r.artefact_fd >= 0))
        return err_set(e, ERR_CELL, "the agent's result makes no sense");
    if (f->r.artefact_fd >= 0 && check_artefact(f->q, f->r.artefact_fd, e) < 0)
        return -1;
    if (r->limit == AGENT_LIMIT_STARVED)
        return err_set(e, ERR_HOST, "the host gave the run no processor for %lld s",
                       (long long)(WALL_CAP_NS / NS_PER_S));
    if (r->limit == AGENT_LIMIT_KILLED && !f->kill_sent)
        return err_set(e, ERR_CELL, "the agent ended a run that nobody stopped");
    if (r->limit == AGENT_LIMIT_KILLED)
        r->limit = AGENT_LIMIT_NONE; /* out_flooded says it */
    f->r.agent = *r;
    return 0;
}

int cell_exchange_run(const struct cell_exchange_ends *ends, const struct cell_request *q,
                      struct cell_result *ret_result, struct err *e)
{
    CLEANUP(flow_done)
    struct flow f = { .ends = ends, .q = q, .pipes = CELL_PIPES_NONE, .r = { .artefact_fd = -1 } };
    bool files = q->files_len > 0 || q->collect != AGENT_COLLECT_NONE;

    if (ends->ahead) {
        f.pipes = *ends->ahead;
        *ends->ahead = (struct cell_pipes)CELL_PIPES_NONE;
    }
    f.deadline = clock_mono_ns() + START_NS + wall_cap(q) + ANSWER_NS + (files ? FILES_NS : 0);
    if (send_run(&f, e) < 0)
        return -1;
    if (ends->ahead)
        (void)!cell_pipes_make(ends->ahead, NULL); /* what is missing then is made by the next */
    int spoken;
    do
        spoken = wait_once(&f, e);
    while (spoken == 0);
    if (spoken < 0 || hear_result(&f, e) < 0)
        return -1;

    /* Everything in the box is dead: what the pipes hold is all there will be. Never wait for EOF,
     * a stray holder of the write end could make that long. */
    if (drain(&f, CELL_OUT, DRAIN_MAX, e) < 0 || drain(&f, CELL_ERR, DRAIN_MAX, e) < 0)
        return -1;
    f.r.out_flooded = f.over[CELL_OUT];
    f.r.err_truncated = f.over[CELL_ERR];
    *ret_result = f.r;
    f.r = (struct cell_result){ .artefact_fd = -1 };
    return 0;
}

int cell_exchange_verify(const struct cell_exchange_ends *ends, struct err *e)
{
    static const struct cell_request nothing = { .exec_fd = -1, .stdin_fd = -1 };
    struct flow f = { .ends = ends, .q = &nothing, .pipes = CELL_PIPES_NONE };
    struct agent_header prove = { .magic = AGENT_MAGIC, .kind = AGENT_VERIFY };
    struct agent_header want = { .kind = AGENT_CLEAN };
    union answer a;
    CLEANUP(closep) int fd = -1;

    if (new_nonce(&prove.nonce, e) < 0)
        return -1;
    want.nonce = prove.nonce;
    f.deadline = clock_mono_ns() + PROVE_NS;
    if (cell_socket_send(ends->agent_fd, &prove, sizeof prove, NULL, 0, e) < 0)
        return -1;
    int spoken;
    do
        spoken = wait_once(&f, e);
    while (spoken == 0);
    return spoken < 0 ? -1 : hear(ends->agent_fd, &want, sizeof want, &a, &fd, e);
}
