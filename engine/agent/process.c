#include "engine/agent/process.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "schema/base/base.h"

int64_t process_clock(clockid_t id)
{
    struct timespec t;

    if (clock_gettime(id, &t) < 0)
        return 0;
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* What clock_getcpuclockid() returns, which not every libc has for other processes. */
clockid_t process_cpu_clock(pid_t pid) { return (clockid_t)((~(unsigned)pid << 3) | 2); }

pid_t process_fork(int namespaces)
{
    return (pid_t)syscall(SYS_clone, (unsigned long)(unsigned)(namespaces | SIGCHLD), 0, 0, 0, 0);
}
