/* server/http/recv.h - what the HTTP library reads from its clients.
 *
 *     client --bytes--> kernel --recv()--> framing.h --whole, well-formed heads--> the library
 *
 * The library reads with recv(), and has no way to be told how. So recv() is ours: in this program
 * the dynamic linker finds recv.c's before libc's. For a descriptor that is not watched it is the
 * system's. What passes framing.h goes on; in the place of what does not, the library gets the
 * rest of a request that is well-formed, and whoever answers it looks at `framing`.
 *
 * A library that reads in another way (linked statically, say) would see everything: http.c counts
 * requests and answers none that did not pass here.
 *
 * Room     server/http.
 * Owns     the bytes that are not whole yet.
 * Threads  a descriptor's line is used by the thread that serves it. recv_watch() before its first
 *          read, recv_forget() while it is still open.
 * Errors   out of memory ends the connection.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/buf.h"
#include "server/http/framing.h"

struct recv_connection {
    struct framing framing;

    /* private to recv.c */
    struct buf held;  /* read, and not given to the library yet */
    size_t passed;    /* of these, at their beginning: may be given */
    bool substituted; /* what is refused has been put in place */
};

/* Borrows c until recv_forget(). False for a descriptor beyond all that we open. */
NODISCARD bool recv_watch(int fd, struct recv_connection *c, size_t head_limit);
void recv_forget(int fd);
