#include "engine/cell/cell_memfd.h"

#include <errno.h>
#include <sys/sendfile.h>

#include "engine/agent/memfd.h"
#include "schema/base/err.h"

static int write_all(int fd, const char *data, size_t len, struct err *e)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(e, ERR_NOMEM, n < 0 ? errno : EIO, "fill a memfd");
        done += (size_t)n;
    }
    return 0;
}

static int new_memfd(const char *name, enum memfd_use use, struct err *e)
{
    int fd = memfd_new(name, use);

    return fd < 0 ? err_errno(e, ERR_NOMEM, errno, "make a memfd") : fd;
}

static int seal_memfd(int fd, struct err *e)
{
    int own = memfd_seal(fd);

    return own < 0 ? err_errno(e, ERR_NOMEM, errno, "seal a memfd") : own;
}

int cell_memfd(const char *name, const void *data, size_t len, struct err *e)
{
    CLEANUP(closep) int fd = new_memfd(name, MEMFD_DATA, e);

    return fd < 0 || write_all(fd, data, len, e) < 0 ? -1 : seal_memfd(fd, e);
}

int cell_memfd_copy(const char *name, int from, int64_t offset, uint64_t len, struct err *e)
{
    CLEANUP(closep) int fd = new_memfd(name, MEMFD_PROGRAM, e);

    if (fd < 0)
        return -1;
    while (len > 0) {
        ssize_t n = sendfile(fd, from, &offset, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(e, ERR_DISK, n < 0 ? errno : EIO, "copy into a memfd");
        len -= (uint64_t)n;
    }
    return seal_memfd(fd, e);
}
