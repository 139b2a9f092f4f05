#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "engine/cell.h"
#include "schema/err.h"

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

static int make(const char *name, struct err *e)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    return fd < 0 ? err_errno(e, ERR_NOMEM, errno, "make a memfd") : fd;
}

/* A program may be run from it, which a writable description elsewhere would forbid. */
static int seal(int fd, struct err *e)
{
    char path[40];

    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return err_errno(e, ERR_BUG, errno, "seal a memfd");
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_RDONLY | O_CLOEXEC);
    return own < 0 ? err_errno(e, ERR_NOMEM, errno, "open a memfd read-only") : own;
}

int cell_memfd(const char *name, const void *data, size_t len, struct err *e)
{
    CLEANUP(closep) int fd = make(name, e);

    return fd < 0 || write_all(fd, data, len, e) < 0 ? -1 : seal(fd, e);
}

int cell_memfd_copy(const char *name, int from, int64_t offset, uint64_t len, struct err *e)
{
    CLEANUP(closep) int fd = make(name, e);

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
    return seal(fd, e);
}
