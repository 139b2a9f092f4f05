/* server/http/uri.h - percent-encoding of one path segment or query value (RFC 3986).
 *
 * Room     server/http.
 * Threads  any; no state.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

/* Decodes len bytes into out (size bytes) and adds a NUL. Returns the decoded length, or -1 for a
 * broken escape, a NUL, or a text that does not fit. */
NODISCARD int uri_decode(const char *text, size_t len, char *out, size_t size);

/* Encodes all but unreserved characters into out, which needs 3 * strlen(text) + 1 bytes. */
void uri_encode(const char *text, char *out);
