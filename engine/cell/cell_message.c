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

/* In the protocol's order; fd_list_close() closes those in `opened`. */
struct fd_list {
    int fds[AGENT_FDS_MAX], opened[AGENT_FDS_MAX];
    size_t len, opened_len;
};

static void fd_list_close(struct fd_list *l)
{
    for (size_t i = 0; i < l->opened_len; i++)
        closep(&l->opened[i]);
}

static void add_borrowed(struct fd_list *l, int fd) { l->fds[l->len++] = fd; }

/* Adds another description of the same file: offset 0, read-only. */
static int add_reopened(struct fd_list *l, int fd, struct err *e)
{
    char path[40];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (own < 0)
        return err_errno(e, ERR_NOMEM, errno, "open descriptor %d again", fd);
    l->opened[l->opened_len++] = own;
    add_borrowed(l, own);
    return 0;
}

/* The program gets this description itself, so it must not be O_NONBLOCK, with which the program's
 * reads would fail. The mode of the file is changed, so it must be a pipe: a regular file would
 * keep the new mode. */
static int add_pipe_end(struct fd_list *l, int fd, int mode, struct err *e)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || (flags & (O_ACCMODE | O_NONBLOCK)) != mode || fstat(fd, &st) < 0 ||
        !S_ISFIFO(st.st_mode))
        return err_set(e, ERR_BUG, "descriptor %d is not the blocking %s end of a pipe", fd,
                       mode == O_RDONLY ? "read" : "write");
    (void)fchmod(fd, 0666); /* the program is another user, and may reopen it (/dev/stdin) */
    add_borrowed(l, fd);
    return 0;
}

static int add_stdio(struct fd_list *l, const struct cell_stdio *stdio,
                     const struct cell_pipes *pipes, struct err *e)
{
    if (stdio[0].kind == CELL_STDIO_EMPTY)
        add_borrowed(l, pipes->stdin_fd);
    else if (stdio[0].kind == CELL_STDIO_CAPTURE)
        return err_set(e, ERR_BUG, "a run whose stdin is captured");
    else if (stdio[0].kind == CELL_STDIO_MEMFD ? add_reopened(l, stdio[0].fd, e) < 0
                                               : add_pipe_end(l, stdio[0].fd, O_RDONLY, e) < 0)
        return -1;
    for (int i = 0; i < CELL_PIPES; i++) {
        const struct cell_stdio *out = &stdio[1 + i];

        if (out->kind == CELL_STDIO_CAPTURE)
            add_borrowed(l, pipes->write_end[i]);
        else if (out->kind != CELL_STDIO_FD)
            return err_set(e, ERR_BUG, "a run whose output goes nowhere");
        else if (add_pipe_end(l, out->fd, O_WRONLY, e) < 0)
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
        add_borrowed(l, q->exec_fd); /* it is executed, not read, so a shared offset does no harm */
    for (size_t i = 0; i < q->files_len; i++)
        if (add_reopened(l, q->files[i].fd, e) < 0)
            return -1;
    return 0;
}

/* ---- the message ---- */

/* A RUN that is being written: the struct, then strings with their NULs. */
struct run_message {
    struct agent_run *run; /* AGENT_MESSAGE_MAX bytes */
    size_t blob_len;
    bool full;
};

static void add_string(struct run_message *m, const char *text)
{
    size_t len = strlen(text) + 1;
    if (m->full || len > (size_t)AGENT_MESSAGE_MAX - sizeof *m->run - m->blob_len) {
        m->full = true;
        return;
    }
    memcpy(m->run->blob + m->blob_len, text, len);
    m->blob_len += len;
}

static uint32_t add_strings(struct run_message *m, const char *const *list)
{
    uint32_t count = 0;
    for (; list && list[count]; count++)
        add_string(m, list[count]);
    return count;
}

int64_t cell_message_wall_cap(const struct cell_request *q)
{
    return q->wall_limit_ns > 0 ? q->wall_limit_ns : q->cpu_limit_ns + CELL_MESSAGE_WALL_CAP_NS;
}

static int write_message(struct run_message *m, const struct cell_request *q, uint64_t nonce,
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
        .argc = add_strings(m, q->argv),
        .envc = add_strings(m, q->env),
        .filec = (uint32_t)q->files_len,
        .sample_ms = (uint32_t)q->sample_ms,
        .last = q->last,
    };
    add_string(m, q->collect_name ? q->collect_name : "");
    for (size_t i = 0; i < q->files_len; i++) {
        m->run->file_kind[i] = q->files[i].kind;
        add_string(m, q->files[i].name);
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
    struct run_message m = { .run = room };

    if (!room)
        return err_set(e, ERR_NOMEM, "a message to the agent");
    if (list_fds(&l, q, pipes, e) < 0 || write_message(&m, q, nonce, e) < 0)
        return -1;
    return cell_socket_send(agent_fd, m.run, sizeof *m.run + m.blob_len, l.fds, l.len, e);
}
