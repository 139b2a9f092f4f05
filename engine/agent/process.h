/* engine/agent/process.h - starting a process, and the time that one has used.
 *
 * Owns     nothing.
 * Errors   at each function; none fills a fault.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* fork() into new namespaces. 0 in the child; -1 with errno. */
pid_t process_fork(int namespaces);

int64_t process_clock(clockid_t id);    /* nanoseconds; 0 when there is no such clock */
clockid_t process_cpu_clock(pid_t pid); /* of all threads of another process */
