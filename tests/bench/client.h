/* tests/bench/client.h - as much of HTTP as the benchmarks need, on blocking sockets.
 *
 * Threads  any; a connection belongs to one of them.
 * Errors   whatever goes wrong ends the program with 1.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int64_t now_ns(void);

/* A number that is not negative. */
int64_t number(const char *text);

/* Sorts them. */
int64_t median(int64_t *values, size_t len);

struct request {
    char *bytes; /* owned */
    size_t len;
};

/* line: "GET /x HTTP/1.1". headers: whole lines, or "". All are borrowed for the call. */
struct request make_request(const char *line, const char *headers, const char *body, size_t len);

/* A connection to loopback; the caller closes it. */
int dial(uint16_t port);

void send_request(int fd, const struct request *r);

/* Sends r and reads the whole answer, of which the body is dropped. Returns its status. */
int exchange(int fd, const struct request *r);
