#include "engine/cell/cell_resident.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"

#define PIPE_BYTES (256 * 1024)
/* Whoever talks to the program limits each request; this ends it when it has no owner any more. */
#define LIFE_NS   (86400 * NS_PER_S)
#define SAMPLE_MS 1000 /* it is idle most of the time, so it is looked at seldom */
#define ERR_KEEP  (64 * KIB)

/* Of the two ends, `ours` becomes non-blocking. */
static int make_channel(int ends[2], int ours, struct err *e)
{
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, ERR_NOMEM, errno, "make a pipe");
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* if refused, it is only slower */
    if (fcntl(ends[ours], F_SETFL, O_NONBLOCK) < 0)
        return err_errno(e, ERR_BUG, errno, "make a pipe non-blocking");
    return 0;
}

int cell_resident_open(struct cell_resident *r, struct cell_resident_ends *ret_ends, struct err *e)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 };
    int rc = make_channel(in, 1, e) < 0 ? -1 : make_channel(out, 0, e);

    *r = (struct cell_resident){ .in = in[1], .out = out[0] };
    *ret_ends = (struct cell_resident_ends){ .in = in[0], .out = out[1] };
    if (rc == 0)
        return 0;
    cell_resident_close(r);
    cell_resident_close_ends(ret_ends);
    return -1;
}

void cell_resident_close(struct cell_resident *r)
{
    closep(&r->in);
    closep(&r->out);
}

void cell_resident_close_ends(struct cell_resident_ends *ends)
{
    closep(&ends->in);
    closep(&ends->out);
}

struct cell_request cell_resident_request(const struct cell_spec *spec,
                                          const struct cell_resident_ends *ends)
{
    return (struct cell_request){ .argv = spec->resident_argv,
                                  .env = spec->resident_env,
                                  .exec_fd = -1,
                                  .stdio = { { CELL_STDIO_FD, ends->in },
                                             { CELL_STDIO_FD, ends->out },
                                             { .kind = CELL_STDIO_CAPTURE } },
                                  .cpu_limit_ns = LIFE_NS,
                                  .wall_limit_ns = LIFE_NS,
                                  .memory_limit = spec->memory_bytes,
                                  .file_bytes = INT64_MAX,
                                  .err_keep = ERR_KEEP,
                                  .sample_ms = SAMPLE_MS };
}

/* Waits until fd is ready for `events`. */
static int await_ready(const struct cell_resident_wait *wait, int fd, short events, struct err *e)
{
    struct pollfd p[] = {
        { .fd = fd, .events = events },
        { .fd = wait->agent_fd, .events = POLLIN },
        { .fd = wait->abort_fd, .events = POLLIN },
    };

    for (;;) {
        int n = poll(p, ARRAY_LEN(p), clock_ms_until(wait->deadline_ns));
        if (n < 0 && errno != EINTR)
            return err_errno(e, ERR_BUG, errno, "poll");
        if (n > 0 && p[2].revents)
            return err_set(e, ERR_CANCELLED, "the run was cancelled");
        if (n > 0 && p[0].revents) /* before its end: what it wrote is still there */
            return 0;
        if (n > 0)
            return err_set(e, ERR_CELL, "the resident program has ended");
        if (clock_mono_ns() >= wait->deadline_ns)
            return err_set(e, ERR_TIMEOUT, "the resident program did not answer in time");
    }
}

/* One read or write moved n bytes. Bytes; 0: try again; -1. */
static ssize_t check_moved(ssize_t n, bool at_end, struct err *e)
{
    if (n > 0)
        return n;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return at_end ? err_set(e, ERR_CELL, "the resident program has closed its end")
                  : err_errno(e, ERR_CELL, errno, "talk to the resident program");
}

int cell_resident_send(const struct cell_resident *r, const struct cell_resident_wait *wait,
                       const void *data, size_t len, struct err *e)
{
    for (size_t done = 0; done < len;) {
        if (await_ready(wait, r->in, POLLOUT, e) < 0)
            return -1;
        ssize_t n = write(r->in, (const char *)data + done, len - done);
        n = check_moved(n, n < 0 && errno == EPIPE, e);
        if (n < 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

int cell_resident_receive(const struct cell_resident *r, const struct cell_resident_wait *wait,
                          void *data, size_t len, struct err *e)
{
    for (size_t done = 0; done < len;) {
        if (await_ready(wait, r->out, POLLIN, e) < 0)
            return -1;
        ssize_t n = read(r->out, (char *)data + done, len - done);
        n = check_moved(n, n == 0, e);
        if (n < 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}
