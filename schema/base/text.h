/* schema/base/text.h - UTF-8, base64 and content hashes (libunistring, libsodium).
 *
 * Threads  any, after one text_init() in main().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

#define TEXT_HASH_SIZE 32 /* BLAKE2b-256 */
#define TEXT_ID_SIZE   33 /* 128 random bits in hex, and a NUL */

/* Initialises libsodium. -1: the host has no source of randomness. */
NODISCARD int text_init(void);

/* Whether the bytes are valid UTF-8 (NUL is legal). */
bool text_is_utf8(const char *data, size_t len);

/* Copies the bytes and replaces invalid sequences by U+FFFD. Caller owns *ret_text, which ends in a
 * NUL. -1: out of memory. */
NODISCARD int text_to_utf8(const char *data, size_t len, char **ret_text, size_t *ret_len);

/* The length of the longest prefix of at most max bytes that does not split a UTF-8 sequence. */
size_t text_cut(const char *data, size_t len, size_t max);

/* Standard alphabet with padding. Caller owns the result. text_base64(): NULL: out of memory.
 * text_from_base64(): -1: text is not base64, or out of memory, then with errno ENOMEM. */
char *text_base64(const void *data, size_t len);
NODISCARD int text_from_base64(const char *text, size_t len, char **ret_data, size_t *ret_len);

void text_hash(const void *data, size_t len, uint8_t out[TEXT_HASH_SIZE]);
void text_random_id(char out[TEXT_ID_SIZE]);
/* 63 random bits, never 0. */
int64_t text_random_number(void);

/* libsodium's version. Borrowed, static. */
const char *text_library(void);
