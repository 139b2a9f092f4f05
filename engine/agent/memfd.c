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

#define SEAL_TRIES 10 /* the kernel waits 150 ms in each */

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

/* The kernel refuses with EBUSY while anybody else holds a page of the file. Its own memory reclaim
 * may: it waits 150 ms for that, but a page that has come meanwhile to the list of another core
 * stays there until the next try empties these lists. */
static int add_seals(int fd)
{
    const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int rc = fcntl(fd, F_ADD_SEALS, seals);

    for (int tries = 1; rc < 0 && errno == EBUSY && tries < SEAL_TRIES; tries++)
        rc = fcntl(fd, F_ADD_SEALS, seals);
    return rc;
}

int memfd_seal(int fd)
{
    char path[40];

    if (add_seals(fd) < 0)
        return -1;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}
