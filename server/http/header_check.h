/* server/http/header_check.h - reads the headers that describe the body and the page that asks.
 * That each is there at most once and has one meaning, framing.h has checked before.
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
    bool json;          /* Content-Type is application/json, whatever its parameters */
    bool form;          /* ...is multipart/form-data */
    bool other_charset; /* JSON, and one of its parameters is a charset other than UTF-8 */
    bool coded;         /* there is a Content-Encoding other than identity */
    int64_t length;     /* Content-Length; 0 when absent */
    const char *request_id, *traceparent; /* borrowed as below; NULL: absent; "": given twice */
    struct hosts_page
        page; /* borrowed from the library, valid as long as the request; `reads` is not set */
};

void header_check_read(struct MHD_Connection *connection, struct header_check_head *ret_head);
