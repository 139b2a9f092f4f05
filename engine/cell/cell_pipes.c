#include "engine/cell/cell_pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/cell/cell_memfd.h"
#include "engine/cell/cell_types.h"
#include "schema/base/err.h"

#define PIPE_BYTES (256 * 1024)

static int make_pipe(int *ret_read, int *ret_write, struct err *e)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, ERR_NOMEM, errno, "make a pipe");
    *ret_read = ends[0];
    *ret_write = ends[1];
    (void)fchmod(ends[1], 0622); /* the program, another user, may reopen it to write */
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* if refused, the run is only slower */
    /* The flag is set for this end alone; the program's end stays blocking. */
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
        return err_errno(e, ERR_BUG, errno, "make a pipe non-blocking");
    return 0;
}

int cell_pipes_make(struct cell_pipes *p, struct err *e)
{
    if (p->stdin_fd < 0 && (p->stdin_fd = cell_memfd("stdin", "", 0, e)) < 0)
        return -1;
    for (int i = 0; i < CELL_PIPES; i++)
        if (p->read_end[i] < 0 && make_pipe(&p->read_end[i], &p->write_end[i], e) < 0)
            return -1;
    return 0;
}

struct cell_pipes cell_pipes_take(struct cell_pipes *p, const struct cell_stdio *stdio)
{
    struct cell_pipes taken = CELL_PIPES_NONE;

    if (stdio[0].kind == CELL_STDIO_EMPTY)
        taken.stdin_fd = TAKE_FD(p->stdin_fd);
    for (int i = 0; i < CELL_PIPES; i++) {
        if (stdio[1 + i].kind != CELL_STDIO_CAPTURE)
            continue;
        taken.read_end[i] = TAKE_FD(p->read_end[i]);
        taken.write_end[i] = TAKE_FD(p->write_end[i]);
    }
    return taken;
}

void cell_pipes_close(struct cell_pipes *p)
{
    closep(&p->stdin_fd);
    for (int i = 0; i < CELL_PIPES; i++) {
        closep(&p->read_end[i]);
        closep(&p->write_end[i]);
    }
}
