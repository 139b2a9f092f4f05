#include "engine/agent/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/agent/protocol.h"

union control {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(AGENT_FDS_MAX * sizeof(int))];
};

ssize_t wire_receive(int fd, void *buf, size_t size, int *fds, size_t *ret_fds, int flags)
{
    union control control;
    struct iovec io = { .iov_base = buf, .iov_len = size };
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    size_t n = 0;
    ssize_t len;

    do {
        len = recvmsg(fd, &m, flags | MSG_CMSG_CLOEXEC);
    } while (len < 0 && errno == EINTR);
    if (len < 0)
        return -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); /* the buffer bounds it */
        memcpy(fds, CMSG_DATA(c), n * sizeof(int));
    }
    if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        while (n > 0)
            closep(&fds[--n]);
        errno = EMSGSIZE;
        return -1;
    }
    *ret_fds = n;
    return len;
}

int wire_send(int fd, const void *buf, size_t len, const int *fds, size_t fds_len)
{
    union control control;
    struct iovec io = { .iov_len = len };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
    ssize_t n;

    memcpy(&io.iov_base, &buf, sizeof buf); /* sendmsg() does not write there */
    if (fds_len > 0) {
        memset(&control, 0, sizeof control);
        control.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
        control.head.cmsg_len = CMSG_LEN(fds_len * sizeof(int));
        memcpy(CMSG_DATA(&control.head), fds, fds_len * sizeof(int));
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(fds_len * sizeof(int));
    }
    do {
        n = sendmsg(fd, &m, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}
