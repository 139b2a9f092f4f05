#include "engine/agent/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/agent/archive.h"
#include "engine/agent/fault.h"
#include "engine/agent/memfd.h"

/* Opens path component by component, so that no link is followed on the way. -1 with errno. */
static int open_beneath(const char *path, int flags)
{
    CLEANUP(closep) int at = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    while (at >= 0) {
        char component[NAME_MAX + 1];
        size_t len = strcspn(path, "/");
        int last = path[len] == '\0';

        if (len > NAME_MAX || strncmp(path, "..", len) == 0) { /* "", "." and ".." too */
            errno = EINVAL;
            return -1;
        }
        memcpy(component, path, len);
        component[len] = '\0';
        int next =
            openat(at, component, (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 || last)
            return next;
        closep(&at);
        at = next;
        path += len + 1;
    }
    return -1;
}

static int copy_artefact(enum agent_collect kind, int in, uint64_t max, int out,
                         enum agent_collected *ret_what, struct fault *f)
{
    struct stat st;

    if (fstat(in, &st) < 0)
        return fault_errno(f, "stat the artefact");
    *ret_what = AGENT_COLLECTED_NOT_REGULAR;
    if (kind == AGENT_COLLECT_TREE)
        return S_ISDIR(st.st_mode) ? archive_pack(in, out, max, ret_what, f) : 0;
    if (!S_ISREG(st.st_mode))
        return 0;
    *ret_what = (uint64_t)st.st_size > max ? AGENT_COLLECTED_TOO_BIG : AGENT_COLLECTED;
    return *ret_what == AGENT_COLLECTED ? archive_copy(in, 0, (size_t)st.st_size, out, f) : 0;
}

int collect_artefact(const struct collect_query *q, enum agent_collected *ret_what, int *ret_fd,
                     struct fault *f)
{
    CLEANUP(closep) int in = open_beneath(q->name, O_RDONLY | O_NONBLOCK | O_NOCTTY);

    if (in < 0) {
        *ret_what = errno == ENOENT ? AGENT_COLLECTED_MISSING : AGENT_COLLECTED_NOT_REGULAR;
        return 0;
    }
    if (copy_artefact(q->kind, in, q->max, q->out, ret_what, f) < 0)
        return -1;
    if (*ret_what != AGENT_COLLECTED)
        return 0;
    *ret_fd = memfd_seal(q->out);
    return *ret_fd < 0 ? fault_errno(f, "seal the artefact") : 0;
}
