/* server/http/request_id.h - the name of one request, in its answer and in the log lines about it.
 *
 * Room     server/http.
 * Threads  any; no state.
 */
#pragma once

#define REQUEST_ID_NAME "X-Request-Id"
#define REQUEST_ID_SIZE 129 /* with a NUL */

/* The name that the client sent if it is 1 to 128 letters, digits and -_.:+/=@~ (it goes into a
 * header and into log lines), else a random one. sent: NULL: none. */
void request_id_make(const char *sent, char out[REQUEST_ID_SIZE]);
