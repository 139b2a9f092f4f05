#include "schema/base/bytes.h"

#include <string.h>

int bytes_copy(const void *data, size_t len, struct bytes *ret_bytes)
{
    char *copy = malloc(len + 1);
    if (!copy)
        return -1;
    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = '\0';
    *ret_bytes = (struct bytes){ .data = copy, .len = len };
    return 0;
}

void bytes_clear(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){ 0 };
}
