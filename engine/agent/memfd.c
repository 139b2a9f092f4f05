#include "engine/agent/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "schema/base/base.h"

/* Since Linux 6.3; older headers and libraries do not have them. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

int memfd_new(const char *name, enum memfd_use use)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    CLEANUP(closep)
    int fd = memfd_create(name, flags | (use == MEMFD_PROGRAM ? MFD_EXEC : MFD_NOEXEC_SEAL));

    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 every memfd may be executed */
        fd = memfd_create(name, flags);
    if (fd < 0 || fchmod(fd, use == MEMFD_PROGRAM ? 0555 : 0444) < 0)
        return -1;
    return TAKE_FD(fd);
}

int memfd_seal(int fd)
{
    char path[40];

    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return -1;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}
