/* server/guard.h - requests that two servers could read in two ways, and requests without end.
 *
 * The library takes Content-Length beside Transfer-Encoding, two different lengths, two hosts and
 * names that are no tokens. Behind a proxy each of them hides a second request in the first, so
 * they are refused here, before anything else looks at them.
 *
 * Room     server.
 * Threads  any; no state.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct MHD_Connection;

struct guard_head {
    bool chunked;
    bool json;      /* Content-Type is application/json, whatever its parameters */
    int64_t length; /* Content-Length; 0 when absent */
};

/* Reads the headers. Returns NULL with *ret_head filled, or a static sentence that says what is
 * wrong: answer 400 and close. */
const char *guard_read(struct MHD_Connection *connection, const char *version,
                       struct guard_head *ret_head);
