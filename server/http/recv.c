#undef _FORTIFY_SOURCE /* with it, the system's header defines recv() */
#include "server/http/recv.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel gives out the lowest free number, so there are none above MAX_CONNECTIONS and our own.
 */
#define DESCRIPTORS (1 << 20)
/* How much of what follows a refused request is read and dropped: if bytes are left unread at the
 * close, the kernel resets the connection, and the client may lose the answer. */
#define IGNORED_BYTES (256 * KIB)

static _Atomic(struct recv_connection *) watched[DESCRIPTORS];

bool recv_watch(int fd, struct recv_connection *c, size_t head_limit)
{
    if (fd < 0 || fd >= DESCRIPTORS)
        return false;
    *c = (struct recv_connection){ .passed = 0 };
    framing_init(&c->framing, head_limit);
    atomic_store_explicit(&watched[fd], c, memory_order_release);
    return true;
}

void recv_forget(int fd)
{
    struct recv_connection *c = atomic_exchange(&watched[fd], NULL);

    if (c)
        buf_clear(&c->held);
}

static ssize_t receive_retrying(int fd, void *out, size_t size, int flags)
{
    ssize_t n;

    do
        n = recvfrom(fd, out, size, flags, NULL, NULL);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Reads what has arrived and drops it. False at the end of the input. */
static bool drop_input(int fd, int flags)
{
    char nowhere[4096];
    ssize_t n = 1;

    for (int64_t seen = 0; n > 0 && seen < IGNORED_BYTES; seen += n)
        n = receive_retrying(fd, nowhere, sizeof nowhere, flags);
    return n != 0;
}

/* Moves bytes that are passed from held to out; returns how many. */
static size_t move_passed(struct recv_connection *c, char *out, size_t size)
{
    size_t n = c->passed < size ? c->passed : size;

    if (n == 0)
        return 0;
    memcpy(out, c->held.data, n);
    memmove(c->held.data, c->held.data + n, c->held.len - n);
    c->held.len -= n;
    c->passed -= n;
    if (c->held.len == 0)
        buf_clear(&c->held); /* so that an idle connection holds no memory */
    return n;
}

/* Replaces the refused end of what is held, so that the library has a request to answer. -1: out of
 * memory. */
static int substitute_rest(struct recv_connection *c)
{
    const char *rest = framing_rest(&c->framing);

    c->held.len = c->passed;
    if (buf_add(&c->held, rest, strlen(rest)) < 0)
        return -1;
    c->passed = c->held.len;
    c->substituted = true;
    return 0;
}

/* Reads into out, where what is passed stays; the rest goes to held. 0 and -1 as recv(). */
static ssize_t read_into(int fd, struct recv_connection *c, char *out, size_t size, int flags,
                         size_t *ret_given)
{
    ssize_t n = receive_retrying(fd, out, size, flags);

    if (n <= 0)
        return n;
    size_t given = framing_take(&c->framing, out, (size_t)n);
    if (given < (size_t)n && buf_add(&c->held, out + given, (size_t)n - given) < 0) {
        errno = ENOMEM;
        return -1;
    }
    *ret_given = given;
    return n;
}

/* Appends to what is held. 0 and -1 as recv(). */
static ssize_t read_behind(int fd, struct recv_connection *c, size_t size, int flags)
{
    if (buf_reserve(&c->held, size) < 0) {
        errno = ENOMEM;
        return -1;
    }
    ssize_t n = receive_retrying(fd, c->held.data + c->held.len, size, flags);
    if (n > 0) {
        c->held.len += (size_t)n;
        c->passed = framing_take(&c->framing, c->held.data, c->held.len);
    }
    return n;
}

/* When the library gets less than it asked for, it concludes that nothing more has arrived, and
 * epoll does not report again an end of input that was there before. So in the middle of a request
 * this reads until the kernel has no more, or `out` is full. */
static ssize_t read_watched(int fd, struct recv_connection *c, char *out, size_t size, int flags)
{
    size_t got = 0;
    ssize_t n = 1;

    while (n > 0) {
        size_t given = move_passed(c, out + got, size - got), room = size - (got += given);
        if (room == 0 || c->substituted)
            break;
        if (c->framing.status) {
            (void)drop_input(fd, flags);
            n = substitute_rest(c) < 0 ? -1 : 1;
        } else if (c->held.len > 0) {
            n = read_behind(fd, c, room, flags);
        } else {
            n = read_into(fd, c, out + got, room, flags, &given);
            got += n > 0 ? given : 0;
            if (n > 0 && given == (size_t)n && framing_is_between(&c->framing))
                break; /* the usual case: it ends with a whole request */
        }
    }
    if (n == 0 && got > 0) /* makes epoll report the end of input again */
        (void)shutdown(fd, SHUT_RD);
    if (got > 0)
        return (ssize_t)got;
    if (c->substituted && n > 0) {
        n = drop_input(fd, flags) ? -1 : 0;
        errno = EAGAIN;
    }
    return n;
}

/* Replaces libc's recv(), for all libraries of the process. */
ssize_t recv(int fd, void *out, size_t size, int flags)
{
    struct recv_connection *c = fd >= 0 && fd < DESCRIPTORS
                                    ? atomic_load_explicit(&watched[fd], memory_order_acquire)
                                    : NULL;

    return c && size > 0 ? read_watched(fd, c, out, size, flags)
                         : recvfrom(fd, out, size, flags, NULL, NULL);
}
