#include "tests/support/repeated.h"

#include <stdlib.h>

#include "tests/support/assert_err.h"

struct buf repeated(const char *piece, size_t piece_len, size_t len)
{
    struct buf b = { .data = malloc(len + 1), .len = len };

    assert_non_null(b.data);
    for (size_t i = 0; i < len; i++)
        b.data[i] = piece[i % piece_len];
    b.data[len] = '\0';
    return b;
}
