#include "engine/cell/cell_exchange.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "engine/cell/cell_message.h"
#include "engine/cell/cell_socket.h"
#include "schema/base/clock.h"

#define START_NS    (5 * NS_PER_S) /* for the agent to start the program, before its limits count */
#define ANSWER_NS   (2 * NS_PER_S) /* for the agent to answer after the last limit */
#define FILES_NS    (10 * NS_PER_S) /* more where files are unpacked or collected */
#define VERIFY_NS   (10 * NS_PER_S)
#define CHUNK       (64 * 1024)
#define ERR_END_MIN ((size_t)64 * 1024)
/* When all processes of the box are dead, a pipe holds less than this. */
#define REST_MAX (8 * MIB)

/* ---- begin ---- */

void cell_exchange_clear(struct cell_exchange *x)
{
    cell_pipes_close(&x->pipes);
    cell_result_clear(&x->result);
}

static int new_nonce(uint64_t *ret_nonce, struct err *e)
{
    if (getrandom(ret_nonce, sizeof *ret_nonce, 0) != (ssize_t)sizeof *ret_nonce)
        return err_errno(e, ERR_BUG, errno, "getrandom");
    return 0;
}

static int send_run(struct cell_exchange *x, const struct cell_request *q, struct err *e)
{
    if (new_nonce(&x->nonce, e) < 0 || cell_pipes_make(x->ends.next_pipes, e) < 0)
        return -1;
    x->pipes = cell_pipes_take(x->ends.next_pipes, q->stdio);
    return cell_message_send(x->ends.agent_fd, x->nonce, q, &x->pipes, e);
}

int cell_exchange_begin(struct cell_exchange *x, const struct cell_exchange_ends *ends,
                        const struct cell_request *q, struct err *e)
{
    bool files = q->files_len > 0 || q->collect != AGENT_COLLECT_NONE;

    *x = (struct cell_exchange){ .ends = *ends,
                                 .pipes = CELL_PIPES_NONE,
                                 .keep = { q->out_max, q->err_keep },
                                 .collect = q->collect,
                                 .collect_max = q->collect_max,
                                 .result = { .artefact_fd = -1 } };
    x->deadline =
        clock_mono_ns() + START_NS + cell_message_wall_cap(q) + ANSWER_NS + (files ? FILES_NS : 0);
    if (send_run(x, q, e) < 0) {
        cell_exchange_clear(x);
        return -1;
    }
    (void)!cell_pipes_make(ends->next_pipes,
                           NULL); /* after a failure the next run makes the missing ones */
    return 0;
}

/* ---- during the run ---- */

/* Keeps the last bytes of stderr: there a runtime reports why it ended, after all other output. */
static int keep_end(struct buf *end, const char *data, size_t len)
{
    if (end->len >= 2 * ERR_END_MIN) {
        memmove(end->data, end->data + end->len - ERR_END_MIN, ERR_END_MIN);
        end->len = ERR_END_MIN;
    }
    return buf_add(end, data, len);
}

/* Reads what is there, at most max bytes; keeps the first x->keep bytes of the whole output. */
static int read_output(struct cell_exchange *x, int which, int64_t max, struct err *e)
{
    struct buf *b = which == CELL_OUT ? &x->result.out : &x->result.err;
    size_t keep = (size_t)x->keep[which];
    char chunk[CHUNK];

    for (int64_t seen = 0; seen < max && x->pipes.read_end[which] >= 0;) {
        ssize_t n = read(x->pipes.read_end[which], chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0) {
            closep(&x->pipes.read_end[which]); /* EOF: no process has the other end open */
            return 0;
        }
        seen += n;
        size_t len = (size_t)n, room = keep - b->len;
        x->exceeded[which] = x->exceeded[which] || len > room;
        if (buf_add(b, chunk, len < room ? len : room) < 0 ||
            (which == CELL_ERR && x->exceeded[which] &&
             keep_end(&x->result.err_end, chunk, len) < 0))
            return err_set(e, ERR_NOMEM, "the program's output");
    }
    return 0;
}

static int send_kill(struct cell_exchange *x, struct err *e)
{
    struct agent_header kill = { .magic = AGENT_MAGIC, .kind = AGENT_KILL, .nonce = x->nonce };
    if (x->kill_sent)
        return 0;
    x->kill_sent = true;
    return cell_socket_send(x->ends.agent_fd, &kill, sizeof kill, NULL, 0, e);
}

void cell_exchange_kill(struct cell_exchange *x)
{
    if (x->state == CELL_EXCHANGE_GOES_ON && send_kill(x, &x->why) < 0)
        x->state = CELL_EXCHANGE_FAILED;
}

/* What one exchange waits for; the pipes are the last two. */
enum { WAIT_AGENT, WAIT_ABORT, WAIT_PIPES, WAIT_LEN = WAIT_PIPES + CELL_PIPES };

static void list_waits(const struct cell_exchange *x, struct pollfd p[WAIT_LEN])
{
    const int fds[WAIT_LEN] = { x->ends.agent_fd, x->ends.abort_fd, x->pipes.read_end[CELL_OUT],
                                x->pipes.read_end[CELL_ERR] };

    for (int i = 0; i < WAIT_LEN; i++) /* poll() ignores a negative one */
        p[i] = (struct pollfd){ .fd = x->state == CELL_EXCHANGE_GOES_ON ? fds[i] : -1,
                                .events = POLLIN };
}

/* Handles what poll() has found. -1: the exchange has failed. */
static int handle_events(struct cell_exchange *x, const struct pollfd p[WAIT_LEN], struct err *e)
{
    bool any = false;

    for (int i = 0; i < WAIT_LEN; i++)
        any = any || p[i].revents;
    if (!any && clock_mono_ns() >= x->deadline)
        return err_set(e, ERR_TIMEOUT, "the agent did not answer in time");
    if (p[WAIT_ABORT].revents)
        return err_set(e, ERR_CANCELLED, "the run was cancelled");
    for (int i = 0; i < CELL_PIPES; i++)
        if (p[WAIT_PIPES + i].revents && read_output(x, i, MIB, e) < 0)
            return -1;
    /* More output than allowed decides the verdict, so the run is ended. */
    if (x->exceeded[CELL_OUT] && send_kill(x, e) < 0)
        return -1;
    if (p[WAIT_AGENT].revents)
        x->state = CELL_EXCHANGE_ANSWERED;
    return 0;
}

/* The number of exchanges in progress; *ret_deadline is the first of their deadlines. */
static size_t count_going(struct cell_exchange *const *x, size_t len, int64_t *ret_deadline)
{
    size_t going = 0;

    *ret_deadline = INT64_MAX;
    for (size_t i = 0; i < len; i++) {
        if (x[i]->state != CELL_EXCHANGE_GOES_ON)
            continue;
        going++;
        if (x[i]->deadline < *ret_deadline)
            *ret_deadline = x[i]->deadline;
    }
    return going;
}

static void wait_once(struct cell_exchange *const *x, size_t len, int64_t deadline)
{
    struct pollfd p[CELL_POLL_MAX][WAIT_LEN];

    for (size_t i = 0; i < len; i++)
        list_waits(x[i], p[i]);
    int n = poll(p[0], len * WAIT_LEN, clock_ms_until(deadline)), number = errno;
    for (size_t i = 0; i < len; i++) {
        if (x[i]->state != CELL_EXCHANGE_GOES_ON)
            continue;
        int rc = n < 0 && number != EINTR ? err_errno(&x[i]->why, ERR_BUG, number, "poll")
                                          : handle_events(x[i], p[i], &x[i]->why);
        if (rc < 0)
            x[i]->state = CELL_EXCHANGE_FAILED;
    }
}

void cell_exchange_poll(struct cell_exchange *const *x, size_t len)
{
    int64_t deadline;
    size_t before = count_going(x, len, &deadline);

    assert(len <= CELL_POLL_MAX);
    for (size_t going = before; going > 0 && going == before;) {
        wait_once(x, len, deadline);
        going = count_going(x, len, &deadline);
    }
}

/* Waits for the answer of this exchange alone. */
static int await_answer(struct cell_exchange *x, struct err *e)
{
    cell_exchange_poll(&x, 1);
    return x->state == CELL_EXCHANGE_FAILED ? err_set(e, x->why.kind, "%s", x->why.msg) : 0;
}

/* ---- the answer ---- */

int cell_exchange_fault(const struct agent_fault *f, struct err *e)
{
    return err_set(e, f->host ? ERR_HOST : ERR_CELL, "the agent gave up: %.*s", (int)sizeof f->why,
                   f->why);
}

union agent_answer {
    struct agent_header head;
    struct agent_result result;
    struct agent_fault fault;
};

/* Receives one answer, which must have the kind and nonce of want and this length. *ret_fd is the
 * descriptor that came with it, or -1; the caller owns it. */
static int receive_answer(int agent_fd, const struct agent_header *want, size_t want_len,
                          union agent_answer *a, int *ret_fd, struct err *e)
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

/* The server reads the artefact and later runs execute it, so it must be sealed against changes. */
static int check_artefact(const struct cell_exchange *x, int fd, struct err *e)
{
    const int sealed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS), flags = fcntl(fd, F_GETFL);

    if (x->collect == AGENT_COLLECT_NONE || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        seals < 0 || (seals & sealed) != sealed || (flags & O_ACCMODE) != O_RDONLY)
        return err_set(e, ERR_CELL, "the artefact is not what was asked for");
    if (st.st_size > x->collect_max)
        return err_set(e, ERR_CELL, "the artefact has %lld bytes, more than was asked for",
                       (long long)st.st_size);
    return 0;
}

static bool is_valid_result(const struct agent_result *r)
{
    return r->limit <= AGENT_LIMIT_KILLED && r->collected <= AGENT_COLLECTED_TOO_BIG &&
           r->cpu_ns >= 0 && r->wall_ns >= 0 && r->waited_ns >= 0 && r->exec_errno >= 0 &&
           r->memory_bytes <= INT64_MAX &&
           (r->exec_errno > 0 || WIFEXITED(r->status) || WIFSIGNALED(r->status));
}

static int receive_result(struct cell_exchange *x, struct err *e)
{
    const struct agent_header want = { .kind = AGENT_RESULT, .nonce = x->nonce };
    union agent_answer a;
    struct agent_result *r = &a.result;
    int *artefact = &x->result.artefact_fd;

    if (receive_answer(x->ends.agent_fd, &want, sizeof *r, &a, artefact, e) < 0)
        return -1;
    if (!is_valid_result(r) || (r->collected == AGENT_COLLECTED) != (*artefact >= 0))
        return err_set(e, ERR_CELL, "the agent's result makes no sense");
    if (*artefact >= 0 && check_artefact(x, *artefact, e) < 0)
        return -1;
    if (r->limit == AGENT_LIMIT_STARVED)
        return err_set(e, ERR_HOST, "the host gave the run no processor for %lld s",
                       (long long)(CELL_MESSAGE_WALL_CAP_NS / NS_PER_S));
    if (r->limit == AGENT_LIMIT_KILLED && !x->kill_sent)
        return err_set(e, ERR_CELL, "the agent ended a run that nobody stopped");
    if (r->limit == AGENT_LIMIT_KILLED)
        r->limit = AGENT_LIMIT_NONE; /* the caller sees out_exceeded */
    x->result.agent = *r;
    return 0;
}

static int finish_run(struct cell_exchange *x, struct err *e)
{
    if (await_answer(x, e) < 0 || receive_result(x, e) < 0)
        return -1;
    /* Everything in the box is dead, so the pipes hold all that will come. There is no wait for
     * EOF, for a process elsewhere that has a write end open would prolong it. */
    if (read_output(x, CELL_OUT, REST_MAX, e) < 0 || read_output(x, CELL_ERR, REST_MAX, e) < 0)
        return -1;
    x->result.out_exceeded = x->exceeded[CELL_OUT];
    x->result.err_truncated = x->exceeded[CELL_ERR];
    return 0;
}

int cell_exchange_finish(struct cell_exchange *x, struct cell_result *ret_result, struct err *e)
{
    int rc = finish_run(x, e);

    if (rc == 0) {
        *ret_result = x->result;
        x->result = (struct cell_result){ .artefact_fd = -1 };
    }
    cell_exchange_clear(x);
    return rc;
}

int cell_exchange_verify(const struct cell_exchange_ends *ends, struct err *e)
{
    struct cell_exchange x = { .ends = *ends,
                               .pipes = CELL_PIPES_NONE,
                               .result = { .artefact_fd = -1 } };
    struct agent_header verify = { .magic = AGENT_MAGIC, .kind = AGENT_VERIFY };
    struct agent_header want = { .kind = AGENT_CLEAN };
    union agent_answer a;
    CLEANUP(closep) int fd = -1;

    if (new_nonce(&verify.nonce, e) < 0)
        return -1;
    want.nonce = verify.nonce;
    x.deadline = clock_mono_ns() + VERIFY_NS;
    if (cell_socket_send(ends->agent_fd, &verify, sizeof verify, NULL, 0, e) < 0 ||
        await_answer(&x, e) < 0)
        return -1;
    return receive_answer(ends->agent_fd, &want, sizeof want, &a, &fd, e);
}
