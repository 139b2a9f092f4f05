#include "server/http/request_id.h"

#include <string.h>

#include "schema/base/text.h"

static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                            "-_.:+/=@~";

void request_id_make(const char *sent, char out[REQUEST_ID_SIZE])
{
    size_t len = sent ? strspn(sent, legal) : 0;

    if (len > 0 && len < REQUEST_ID_SIZE && sent[len] == '\0')
        memcpy(out, sent, len + 1);
    else
        text_random_id(out);
}
