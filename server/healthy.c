#include "server/healthy.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "schema/base/err.h"
#include "server/http/listen.h"

#define ANSWER_BYTES 4096 /* the status, and most reasons */
#define ANSWER_S     5    /* without a byte of it */

/* By this name a server may always be called. */
static const char request[] =
    "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

static int ask_ready(int fd, char out[ANSWER_BYTES], struct err *e)
{
    size_t len = 0;
    ssize_t n = 1;

    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1)
        return err_errno(e, ERR_UNAVAILABLE, errno, "ask");
    while (len < ANSWER_BYTES - 1 && (n = recv(fd, out + len, ANSWER_BYTES - 1 - len, 0)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    return n < 0 ? err_errno(e, ERR_UNAVAILABLE, errno, "read the answer") : 0;
}

int healthy_ask(const char *address, FILE *out, struct err *e)
{
    const struct timeval limit = { .tv_sec = ANSWER_S };
    char answer[ANSWER_BYTES];
    CLEANUP(closep) int fd = -1;

    if (listen_connect(address, &limit, &fd, e) < 0 || ask_ready(fd, answer, e) < 0)
        return err_wrap(e, "no server at %.100s", address);
    const char *body = strstr(answer, "\r\n\r\n");
    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
        return err_set(e, ERR_UNAVAILABLE, "the server at %.100s is not ready: %.250s", address,
                       body ? body + 4 : answer);
    (void)fprintf(out, "ready\n");
    return 0;
}
