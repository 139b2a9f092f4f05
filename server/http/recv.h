/* server/http/recv.h - filters what the HTTP library reads from its clients.
 *
 *     client --bytes--> kernel --recv()--> framing.h --whole, well-formed heads--> the library
 *
 * The library reads with recv() and has no option to replace it. So recv.c defines recv(): in this
 * program the dynamic linker finds it before libc's. For descriptors that are not watched it does
 * what libc's does. For the others, the library gets what framing.h passes on. In place of a
 * refused request it gets the rest of a well-formed one, and daemon.c looks at `framing` before it
 * answers.
 *
 * A library that reads in another way (because it is linked statically, for example) would bypass
 * this, so daemon.c counts requests and answers 500 to those that did not pass here.
 *
 * Room     server/http.
 * Owns     the bytes that are held back.
 * Threads  the one that serves the connection. recv_watch() before the first read, recv_forget()
 *          while the descriptor is still open.
 * Errors   out of memory ends the connection.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/buf.h"
#include "server/http/framing.h"

struct recv_connection {
    struct framing framing;

    /* private to recv.c */
    struct buf held;  /* read, and not yet given to the library */
    size_t passed;    /* bytes at the beginning of `held` that may be given to it */
    bool substituted; /* the refused request has been replaced */
};

/* Borrows c until recv_forget(). False: fd is a larger number than we handle. */
NODISCARD bool recv_watch(int fd, struct recv_connection *c, size_t head_limit);
void recv_forget(int fd);
