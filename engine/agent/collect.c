#include "engine/agent/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "engine/agent/bundle.h"
#include "engine/agent/fault.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* Opens path component by component, so that no link is followed on the way. -1 with errno. */
static int open_beneath(const char *path, int flags)
{
    CLEANUP(closep) int at = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    while (at >= 0) {
        char part[NAME_MAX + 1];
        size_t len = strcspn(path, "/");
        int last = path[len] == '\0';

        if (len > NAME_MAX || strncmp(path, "..", len) == 0) { /* "", "." and ".." too */
            errno = EINVAL;
            return -1;
        }
        memcpy(part, path, len);
        part[len] = '\0';
        int next = openat(at, part, (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 || last)
            return next;
        closep(&at);
        at = next;
        path += len + 1;
    }
    return -1;
}

static enum agent_collected fill(enum agent_collect kind, int in, uint64_t max, int out)
{
    struct stat st;
    struct fault ignored;

    if (fstat(in, &st) < 0)
        return AGENT_COLLECTED_MISSING;
    if (kind == AGENT_COLLECT_TREE)
        return S_ISDIR(st.st_mode) ? bundle_pack(in, out, max) : AGENT_COLLECTED_NOT_REGULAR;
    if (!S_ISREG(st.st_mode))
        return AGENT_COLLECTED_NOT_REGULAR;
    if ((uint64_t)st.st_size > max || bundle_copy(in, 0, (size_t)st.st_size, out, &ignored) < 0)
        return AGENT_COLLECTED_TOO_BIG;
    return AGENT_COLLECTED;
}

/* Nobody can change it any more, and this end cannot even try. */
static int seal(int fd, int *ret_fd, struct fault *f)
{
    char path[40];

    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return fault_errno(f, "seal the artefact");
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDONLY | O_CLOEXEC);
    if (again < 0)
        return fault_errno(f, "reopen the artefact");
    *ret_fd = again;
    return 0;
}

int collect_artefact(enum agent_collect kind, const char *name, uint64_t max,
                     enum agent_collected *ret_what, int *ret_fd, struct fault *f)
{
    CLEANUP(closep) int in = open_beneath(name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    CLEANUP(closep) int out = -1;

    if (in < 0) {
        *ret_what = errno == ENOENT ? AGENT_COLLECTED_MISSING : AGENT_COLLECTED_NOT_REGULAR;
        return 0;
    }
    out = memfd_create("artefact", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (out < 0 && errno == EINVAL) /* before Linux 6.3 every memfd may be executed */
        out = memfd_create("artefact", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (out < 0)
        return fault_errno(f, "memfd");
    enum agent_collected what = fill(kind, in, max, out);
    if (what == AGENT_COLLECTED && seal(out, ret_fd, f) < 0)
        return -1;
    *ret_what = what;
    return 0;
}
