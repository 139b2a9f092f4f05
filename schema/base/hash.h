/* schema/base/hash.h - hashes several fields into one hash (libsodium's BLAKE2b). A text is hashed
 * with its length and a number with a fixed size, so different fields never give the same bytes.
 *
 * Threads  any; no state. Hashes are stored, so the hashed bytes are the same on every machine.
 */
#pragma once

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

void hash_number(crypto_generichash_state *h, int64_t number);
void hash_bytes(crypto_generichash_state *h, const void *data, size_t len);
/* NULL counts as "". */
void hash_text(crypto_generichash_state *h, const char *text);
