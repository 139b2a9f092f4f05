#include "server/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "schema/base/base.h"

#define NS_PER_US 1000

/* NOLINTBEGIN(concurrency-mt-unsafe): nobody changes the environment */

bool notify_is_wanted(void)
{
    const char *path = getenv("NOTIFY_SOCKET");

    return path && (path[0] == '/' || path[0] == '@') && path[1];
}

static int64_t read_amount(const char *name)
{
    const char *text = getenv(name);
    char *end;
    intmax_t number = text ? strtoimax(text, &end, 10) : 0;

    return text && *text && !*end && number > 0 && number < INT64_MAX / NS_PER_US ? number : 0;
}

int64_t notify_watchdog_ns(void)
{
    const int64_t pid = read_amount("WATCHDOG_PID"); /* 0: not set, then it is meant for us */

    if (!notify_is_wanted() || (pid != 0 && pid != getpid()))
        return 0;
    return read_amount("WATCHDOG_USEC") * NS_PER_US;
}

void notify_send(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    size_t len = path ? strlen(path) : 0;

    if (!path || !notify_is_wanted() || len >= sizeof at.sun_path)
        return;
    memcpy(at.sun_path, path, len);
    if (at.sun_path[0] == '@') /* a name without a file */
        at.sun_path[0] = '\0';
    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                     (const struct sockaddr *)&at,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

/* NOLINTEND(concurrency-mt-unsafe) */
