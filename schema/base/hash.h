/* schema/base/hash.h - fields into one hash (libsodium's BLAKE2b): each goes in with its length, or
 * as a number of fixed size, so no two different rows of fields give the same bytes.
 *
 * Pure. What was hashed is kept on disk: the bytes do not depend on the machine.
 */
#pragma once

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

void hash_number(crypto_generichash_state *h, int64_t number);
void hash_bytes(crypto_generichash_state *h, const void *data, size_t len);
/* NULL is as "". */
void hash_text(crypto_generichash_state *h, const char *text);
