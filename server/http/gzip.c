#include "server/http/gzip.h"

#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

/* A core compresses some 100 MiB of JSON in a second. */
#define LEVEL       1
#define GZIP_WINDOW (MAX_WBITS + 16) /* zlib's way to ask for gzip */

bool gzip_compress(const char *data, size_t len, char **ret_out, size_t *ret_len)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len };
    char *out = malloc(len);

    if (!out || deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MAX_MEM_LEVEL,
                             Z_DEFAULT_STRATEGY) != Z_OK) {
        free(out);
        return false;
    }
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)len; /* what is not smaller does not fit */
    bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
    *ret_len = len - z.avail_out;
    (void)deflateEnd(&z);
    if (!whole) {
        free(out);
        return false;
    }
    char *fitted = realloc(out, *ret_len);
    *ret_out = fitted ? fitted : out;
    return true;
}
