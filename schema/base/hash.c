#include "schema/base/hash.h"

#include <endian.h>
#include <string.h>

void hash_number(crypto_generichash_state *h, int64_t number)
{
    uint64_t little = htole64((uint64_t)number);

    (void)crypto_generichash_update(h, (const unsigned char *)&little, sizeof little);
}

void hash_bytes(crypto_generichash_state *h, const void *data, size_t len)
{
    hash_number(h, (int64_t)len);
    (void)crypto_generichash_update(h, data, len);
}

void hash_text(crypto_generichash_state *h, const char *text)
{
    hash_bytes(h, text, text ? strlen(text) : 0);
}
