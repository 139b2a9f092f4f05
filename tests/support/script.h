/* tests/support/script.h - a Docker that answers what its script says, line by line. For what
 * Docker itself would do see fake_docker.h.
 *
 * Threads  one of its own, from script_play() to script_end(); between them only `requests` may be
 * read.
 */
#pragma once

#include <pthread.h>

#include "engine/docker/docker.h"
#include "schema/base/base.h"

/* One request of the script: what is answered to it. */
struct line {
    const char *answer; /* whole, or NULL: hang up */
    bool hang_up;       /* after the answer */
    size_t fill;        /* so many bytes more behind it */
    const char *split;  /* sent as a piece of its own */
    bool silent;        /* say nothing until the client has gone */
};

#define LINES_MAX 8

extern struct script {
    char dir[64], path[96], host[112];
    int listener;
    struct line lines[LINES_MAX];
    size_t len, done;
    char requests[LINES_MAX][1024]; /* what came */
    pthread_t thread;
} script;

#define JSON(status, body) "HTTP/1.1 " status "\r\nTransfer-Encoding: chunked\r\n\r\n" body
#define OK_VERSION                                                                                 \
    {                                                                                              \
        .answer = "HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n"                                  \
                  "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}"                           \
    }
#define EMPTY(status)                                                                              \
    {                                                                                              \
        .answer = "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"                               \
    }

/* cmocka's set-up and tear-down of a group: a place for the socket. */
int script_make(void **state);
int script_remove(void **state);

/* A client of a daemon that plays these lines; the caller gives it to script_end(), which fails the
 * test unless the script has been played to its end. */
struct docker *script_play(const struct line *lines, size_t len);
void script_end(struct docker *d);
#define PLAY(...)                                                                                  \
    script_play((const struct line[]){ __VA_ARGS__ },                                              \
                ARRAY_LEN(((const struct line[]){ __VA_ARGS__ })))

/* A socket at this path; not really: nobody listens to it. */
void script_listen(const char *path, bool really);
