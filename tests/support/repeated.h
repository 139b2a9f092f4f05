/* tests/support/repeated.h - a long text. */
#pragma once

#include "schema/base/buf.h"

/* `len` bytes: the piece again and again, the last time perhaps in part. The caller clears it. */
struct buf repeated(const char *piece, size_t piece_len, size_t len);
