#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

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

int cell_memfd(const char *name, const void *data, size_t len, struct err *e)
{
    char path[40];
    CLEANUP(closep) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return err_errno(e, ERR_NOMEM, errno, "make a memfd");
    if (write_all(fd, data, len, e) < 0)
        return -1;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return err_errno(e, ERR_BUG, errno, "seal a memfd");

    /* A program may be run from it, which a writable description elsewhere would forbid. */
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_RDONLY | O_CLOEXEC);
    if (own < 0)
        return err_errno(e, ERR_NOMEM, errno, "open a memfd read-only");
    return own;
}
