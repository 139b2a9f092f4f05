#include "engine/cell/cell_message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/cell/cell_pipes.h"
#include "engine/cell/cell_socket.h"
#include "engine/cell/cell_types.h"
#include "schema/base/err.h"

#define WALL_GRACE_NS (100 * NS_PER_MS)
#define OPEN_FILES    1024

/* ---- the descriptors ---- */

/* In the protocol's order; those in `opened` are ours to close. */
struct fd_list {
    int fds[AGENT_FDS_MAX], opened[AGENT_FDS_MAX];
    size_t len, opened_len;
};

static void fd_list_close(struct fd_list *l)
{
    for (size_t i = 0; i < l->opened_len; i++)
        closep(&l->opened[i]);
}

static void lend(struct fd_list *l, int fd) { l->fds[l->len++] = fd; }

/* The same bytes through a description of its own: offset 0, read-only. */
static int add_again(struct fd_list *l, int fd, struct err *e)
{
    char path[40];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (own < 0)
        return err_errno(e, ERR_NOMEM, errno, "open descriptor %d again", fd);
    l->opened[l->opened_len++] = own;
    lend(l, own);
    return 0;
}

/* The program gets this very description, so it must block: O_NONBLOCK would fail its reads. The
 * mode is changed, so it must be a pipe: of a file the change would stay. */
static int lend_pipe_end(struct fd_list *l, int fd, int mode, struct err *e)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || (flags & (O_ACCMODE | O_NONBLOCK)) != mode || fstat(fd, &st) < 0 ||
        !S_ISFIFO(st.st_mode))
        return err_set(e, ERR_BUG, "descriptor %d is not the blocking %s end of a pipe", fd,
                       mode == O_RDONLY ? "read" : "write");
    (void)fchmod(fd, 0666); /* the program is another user, and may open it again (/dev/stdin) */
    lend(l, fd);
    return 0;
}

static int add_stdio(struct fd_list *l, const struct cell_stdio *stdio,
                     const struct cell_pipes *pipes, struct err *e)
{
    if (stdio[0].kind == CELL_STDIO_EMPTY)
        lend(l, pipes->stdin_fd);
    else if (stdio[0].kind == CELL_STDIO_CAPTURE)
        return err_set(e, ERR_BUG, "a run whose stdin is captured");
    else if (stdio[0].kind == CELL_STDIO_MEMFD ? add_again(l, stdio[0].fd, e) < 0
                                               : lend_pipe_end(l, stdio[0].fd, O_RDONLY, e) < 0)
        return -1;
    for (int i = 0; i < CELL_PIPES; i++) {
        const struct cell_stdio *out = &stdio[1 + i];

        if (out->kind == CELL_STDIO_CAPTURE)
            lend(l, pipes->write_end[i]);
        else if (out->kind != CELL_STDIO_FD)
            return err_set(e, ERR_BUG, "a run whose output goes nowhere");
        else if (lend_pipe_end(l, out->fd, O_WRONLY, e) < 0)
            return -1;
    }
    return 0;
}

static int list_fds(struct fd_list *l, const struct cell_request *q, const struct cell_pipes *pipes,
                    struct err *e)
{
    if (q->files_len > AGENT_FILES_MAX)
        return err_set(e, ERR_BUG, "%zu files in one run", q->files_len);
    if (add_stdio(l, q->stdio, pipes, e) < 0)
        return -1;
    if (q->exec_fd >= 0)
        lend(l, q->exec_fd); /* nobody reads from it: it has no offset to share */
    for (size_t i = 0; i < q->files_len; i++)
        if (add_again(l, q->files[i].fd, e) < 0)
            return -1;
    return 0;
}

/* ---- the message ---- */

/* As it grows: the struct, then strings with their NULs. */
struct message {
    struct agent_run *run; /* AGENT_MESSAGE_MAX bytes */
    size_t blob_len;
    bool full;
};

static void add_text(struct message *m, const char *text)
{
    size_t len = strlen(text) + 1;
    if (m->full || len > (size_t)AGENT_MESSAGE_MAX - sizeof *m->run - m->blob_len) {
        m->full = true;
        return;
    }
    memcpy(m->run->blob + m->blob_len, text, len);
    m->blob_len += len;
}

static uint32_t add_texts(struct message *m, const char *const *list)
{
    uint32_t count = 0;
    for (; list && list[count]; count++)
        add_text(m, list[count]);
    return count;
}

int64_t cell_message_wall_cap(const struct cell_request *q)
{
    return q->wall_limit_ns > 0 ? q->wall_limit_ns : q->cpu_limit_ns + CELL_MESSAGE_WALL_CAP_NS;
}

static int write_message(struct message *m, const struct cell_request *q, uint64_t nonce,
                         struct err *e)
{
    *m->run = (struct agent_run){
        .head = { .magic = AGENT_MAGIC, .kind = AGENT_RUN, .nonce = nonce },
        .cpu_limit_ns = q->cpu_limit_ns,
        .wall_limit_ns = q->wall_limit_ns,
        .wall_grace_ns = WALL_GRACE_NS,
        .wall_cap_ns = cell_message_wall_cap(q),
        .memory_limit = (uint64_t)q->memory_limit,
        .file_bytes = (uint64_t)q->file_bytes,
        .collect_max = (uint64_t)q->collect_max,
        .open_files = OPEN_FILES,
        .collect = q->collect,
        .exec_fd = q->exec_fd >= 0,
        .argc = add_texts(m, q->argv),
        .envc = add_texts(m, q->env),
        .filec = (uint32_t)q->files_len,
    };
    add_text(m, q->collect_name ? q->collect_name : "");
    for (size_t i = 0; i < q->files_len; i++) {
        m->run->file_kind[i] = q->files[i].kind;
        add_text(m, q->files[i].name);
    }
    m->run->blob_len = (uint32_t)m->blob_len;
    if (m->full)
        return err_set(e, ERR_BUG, "arguments and environment are larger than a message");
    return 0;
}

int cell_message_send(int agent_fd, uint64_t nonce, const struct cell_request *q,
                      const struct cell_pipes *pipes, struct err *e)
{
    CLEANUP(fd_list_close) struct fd_list l = { .len = 0 };
    CLEANUP(freep) void *room = malloc((size_t)AGENT_MESSAGE_MAX);
    struct message m = { .run = room };

    if (!room)
        return err_set(e, ERR_NOMEM, "a message to the agent");
    if (list_fds(&l, q, pipes, e) < 0 || write_message(&m, q, nonce, e) < 0)
        return -1;
    return cell_socket_send(agent_fd, m.run, sizeof *m.run + m.blob_len, l.fds, l.len, e);
}
