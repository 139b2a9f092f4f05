/* server/http/header_check.h - what a head says of its body and of who asks. That it says so once,
 * and in one way, framing.h has seen before the library had it.
 *
 * Room     server/http.
 * Threads  any; no state.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/http/hosts.h"

struct MHD_Connection;

struct header_check_head {
    bool chunked;
    bool json;              /* Content-Type is application/json, whatever its parameters */
    bool other_charset;     /* one of them is a charset that is not UTF-8 */
    bool coded;             /* Content-Encoding is not identity */
    int64_t length;         /* Content-Length; 0 when absent */
    struct hosts_page page; /* who asks; borrowed from the library, `reads` is not filled */
};

void header_check_read(struct MHD_Connection *connection, struct header_check_head *ret_head);
