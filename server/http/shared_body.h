/* server/http/shared_body.h - bytes of an answer that several requests send at once.
 *
 * Room     server/http.
 * Owns     the bytes, until the last reference is released.
 * Threads  any.
 */
#pragma once

#include <stddef.h>

/* Copies; the caller has the one reference. NULL out of memory. */
const char *shared_body_make(const char *data, size_t len);

/* Another reference to the same bytes. */
const char *shared_body_ref(const char *data);

/* For reply.release, too. */
void shared_body_release(void *data);
