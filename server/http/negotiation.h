/* server/http/negotiation.h - what a client says it takes, and what it has already (RFC 9110).
 *
 * Room     server/http.
 * Threads  any; no state.
 */
#pragma once

#include <stdbool.h>

/* Whether the header Accept-Encoding (NULL: absent) allows this coding, or "*" does. */
bool negotiation_accepts(const char *accept_encoding, const char *coding);

/* Whether the header If-None-Match (NULL: absent) names this entity tag, by weak comparison. */
bool negotiation_is_known(const char *if_none_match, const char *etag);
