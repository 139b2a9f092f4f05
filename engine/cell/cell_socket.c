#include "engine/cell/cell_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "schema/base/err.h"

int cell_socket_listen(int dir_fd, const char *name, int *ret_listener, struct err *e)
{
    /* A path below /proc/self/fd fits into sun_path, however long that of the directory is. */
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int n =
        snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
    if (n < 0 || (size_t)n >= sizeof address.sun_path)
        return err_set(e, ERR_BUG, "socket name too long: %.60s", name);

    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(e, ERR_NOMEM, errno, "make the agent's socket");
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return err_errno(e, ERR_DISK, errno, "bind the agent's socket");
    /* For all: the agent has no capability to override a mode, and under user-namespace remapping
     * another uid. The mode of CELL_DIR keeps out other users of the host, and the caller checks
     * who has connected. */
    if (fchmodat(dir_fd, name, 0666, 0) < 0)
        return err_errno(e, ERR_DISK, errno, "open the agent's socket to it");
    if (listen(fd, 1) < 0)
        return err_errno(e, ERR_NOMEM, errno, "listen for the agent");
    *ret_listener = TAKE_FD(fd);
    return 0;
}

int cell_socket_accept(int listener, int *ret_fd, struct cell_socket_peer *ret_peer, struct err *e)
{
    CLEANUP(closep) int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct ucred who;
    socklen_t len = sizeof who;

    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
        return err_errno(e, ERR_CELL, errno, "accept the agent");
    *ret_peer = (struct cell_socket_peer){ .pid = who.pid, .uid = who.uid };
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int cell_socket_send(int fd, const void *message, size_t len, const int *fds, size_t fds_len,
                     struct err *e)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(CELL_SOCKET_FDS_MAX * sizeof(int))];
    } control = { 0 };
    struct iovec iov;
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (fds_len > CELL_SOCKET_FDS_MAX)
        return err_set(e, ERR_BUG, "%zu descriptors in one message", fds_len);
    memcpy(&iov.iov_base, &message, sizeof message); /* drops const: sendmsg() only reads it */
    iov.iov_len = len;
    if (fds_len > 0) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(fds_len * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fds_len * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fds_len * sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return err_errno(e, ERR_CELL, errno, "send to the agent");
    return 0;
}

/* Takes the first descriptor and closes all others. Returns how many there were. */
static size_t take_fds(struct msghdr *m, int *ret_fd)
{
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t len = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < len; i++, count++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (count == 0)
                *ret_fd = fd;
            else
                (void)close(fd);
        }
    }
    return count;
}

int cell_socket_receive(int fd, void *message, size_t size, size_t *ret_len, int *ret_fd,
                        struct err *e)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(CELL_SOCKET_FDS_MAX * sizeof(int))];
    } control = { 0 };
    struct iovec iov = { .iov_base = message, .iov_len = size };
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    ssize_t n;
    do
        n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_errno(e, ERR_CELL, errno, "receive from the agent");

    CLEANUP(closep) int taken = -1;
    size_t fds = take_fds(&m, &taken);
    if (n == 0)
        return err_set(e, ERR_CELL, "the agent is gone");
    if (fds > 1 || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return err_set(e, ERR_CELL, "odd message from the agent: %zd bytes, %zu descriptors", n,
                       fds);
    *ret_len = (size_t)n;
    *ret_fd = TAKE_FD(taken);
    return 0;
}
