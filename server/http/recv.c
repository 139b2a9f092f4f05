#undef _FORTIFY_SOURCE /* it would define recv() too */
#include "server/http/recv.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

/* Descriptors are given out from below: more than MAX_CONNECTIONS and our own there are never. */
#define DESCRIPTORS (1 << 20)
/* Of what follows a refused request, so much is read: with more unread the kernel would cut the
 * answer off. */
#define IGNORED_BYTES (256 * KIB)

static _Atomic(struct recv_line *) lines[DESCRIPTORS];

bool recv_watch(int fd, struct recv_line *l, size_t head_limit)
{
    if (fd < 0 || fd >= DESCRIPTORS)
        return false;
    *l = (struct recv_line){ .passed = 0 };
    framing_init(&l->framing, head_limit);
    atomic_store_explicit(&lines[fd], l, memory_order_release);
    return true;
}

void recv_forget(int fd)
{
    struct recv_line *l = atomic_exchange(&lines[fd], NULL);

    if (l)
        buf_clear(&l->held);
}

static ssize_t receive(int fd, void *out, size_t size, int flags)
{
    ssize_t n;

    do
        n = recvfrom(fd, out, size, flags, NULL, NULL);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Reads what is there, for nobody. False at the end of the input. */
static bool ignore_rest(int fd, int flags)
{
    char nowhere[4096];
    ssize_t n = 1;

    for (int64_t seen = 0; n > 0 && seen < IGNORED_BYTES; seen += n)
        n = receive(fd, nowhere, sizeof nowhere, flags);
    return n != 0;
}

/* Moves what may be given from held to out; returns how much. */
static size_t give(struct recv_line *l, char *out, size_t size)
{
    size_t n = l->passed < size ? l->passed : size;

    if (n == 0)
        return 0;
    memcpy(out, l->held.data, n);
    memmove(l->held.data, l->held.data + n, l->held.len - n);
    l->held.len -= n;
    l->passed -= n;
    if (l->held.len == 0)
        buf_clear(&l->held); /* an idle connection keeps nothing */
    return n;
}

/* What is held ends in a request that is refused: something that can be answered takes its place.
 */
static int substitute(struct recv_line *l)
{
    const char *rest = framing_rest(&l->framing);

    l->held.len = l->passed;
    if (buf_add(&l->held, rest, strlen(rest)) < 0)
        return -1;
    l->passed = l->held.len;
    l->substituted = true;
    return 0;
}

/* Reads into out, where what may be given stays; the rest is held. 0 and -1 as recv(). */
static ssize_t read_into(int fd, struct recv_line *l, char *out, size_t size, int flags,
                         size_t *ret_given)
{
    ssize_t n = receive(fd, out, size, flags);

    if (n <= 0)
        return n;
    size_t given = framing_take(&l->framing, out, (size_t)n);
    if (given < (size_t)n && buf_add(&l->held, out + given, (size_t)n - given) < 0) {
        errno = ENOMEM;
        return -1;
    }
    *ret_given = given;
    return n;
}

/* Reads behind what is held. 0 and -1 as recv(). */
static ssize_t read_behind(int fd, struct recv_line *l, size_t size, int flags)
{
    if (buf_reserve(&l->held, size) < 0) {
        errno = ENOMEM;
        return -1;
    }
    ssize_t n = receive(fd, l->held.data + l->held.len, size, flags);
    if (n > 0) {
        l->held.len += (size_t)n;
        l->passed = framing_take(&l->framing, l->held.data, l->held.len);
    }
    return n;
}

/* The library takes less than it asked for to mean that there is no more now, and is not told of an
 * end that was there already; so in the middle of a request this goes on until the kernel says that
 * there is no more, or the room is full. */
static ssize_t read_watched(int fd, struct recv_line *l, char *out, size_t size, int flags)
{
    size_t got = 0;
    ssize_t n = 1;

    while (n > 0) {
        size_t given = give(l, out + got, size - got), room = size - (got += given);
        if (room == 0 || l->substituted)
            break;
        if (l->framing.status) {
            (void)ignore_rest(fd, flags);
            n = substitute(l) < 0 ? -1 : 1;
        } else if (l->held.len > 0) {
            n = read_behind(fd, l, room, flags);
        } else {
            n = read_into(fd, l, out + got, room, flags, &given);
            got += n > 0 ? given : 0;
            if (n > 0 && given == (size_t)n && framing_is_between(&l->framing))
                break; /* the usual case: all of it is whole */
        }
    }
    if (n == 0 && got > 0) /* the end has been seen once already: it is to be told again */
        (void)shutdown(fd, SHUT_RD);
    if (got > 0)
        return (ssize_t)got;
    if (l->substituted && n > 0) {
        n = ignore_rest(fd, flags) ? -1 : 0;
        errno = EAGAIN;
    }
    return n;
}

/* The system's in place of libc's, for the libraries too. */
ssize_t recv(int fd, void *out, size_t size, int flags)
{
    struct recv_line *l =
        fd >= 0 && fd < DESCRIPTORS ? atomic_load_explicit(&lines[fd], memory_order_acquire) : NULL;

    return l && size > 0 ? read_watched(fd, l, out, size, flags)
                         : recvfrom(fd, out, size, flags, NULL, NULL);
}
