#include "schema/base/text.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistr.h>

#include "schema/base/buf.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static const uint8_t *as_utf8(const char *data) { return (const uint8_t *)data; }

int text_init(void) { return sodium_init() < 0 ? -1 : 0; }

/* How many bytes from the start are ASCII; checks eight at a time. */
static size_t ascii_prefix(const char *data, size_t len)
{
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, data + i, sizeof word);
        if (word & 0x8080808080808080U)
            break;
    }
    while (i < len && (data[i] & 0x80) == 0)
        i++;
    return i;
}

/* The first byte that is not part of valid UTF-8, or NULL. Skips ASCII first, because most text is
 * ASCII: 10 times faster than libunistring alone. */
static const char *find_invalid(const char *data, size_t len)
{
    size_t i = ascii_prefix(data, len);
    return i == len ? NULL : (const char *)u8_check(as_utf8(data) + i, len - i);
}

bool text_is_utf8(const char *data, size_t len) { return !find_invalid(data, len); }

int text_to_utf8(const char *data, size_t len, char **ret_text, size_t *ret_len)
{
    struct buf out = { 0 };
    const char *end = data + len;

    if (buf_reserve(&out, len) < 0)
        return -1;
    while (data < end) {
        const char *bad = find_invalid(data, (size_t)(end - data));
        const char *good_end = bad ? bad : end;
        if (buf_add(&out, data, (size_t)(good_end - data)) < 0)
            goto nomem;
        data = good_end;
        if (bad) {
            ucs4_t ignored;
            if (buf_add(&out, REPLACEMENT, sizeof REPLACEMENT - 1) < 0)
                goto nomem;
            data += u8_mbtouc(&ignored, as_utf8(data), (size_t)(end - data));
        }
    }
    *ret_len = out.len;
    *ret_text = buf_take(&out);
    return 0;
nomem:
    buf_clear(&out);
    return -1;
}

size_t text_cut(const char *data, size_t len, size_t max)
{
    if (len <= max)
        return len;

    size_t start = max; /* of the sequence that may be split at max */
    while (start > 0 && max - start < 3 && (data[start] & 0xC0) == 0x80)
        start--;
    int size = u8_mblen(as_utf8(data) + start, len - start);
    return size > 0 && start + (size_t)size > max ? start : max;
}

char *text_base64(const void *data, size_t len)
{
    if (len > SIZE_MAX / 2)
        return NULL;
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    if (text)
        (void)sodium_bin2base64(text, size, data, len, sodium_base64_VARIANT_ORIGINAL);
    return text;
}

int text_from_base64(const char *text, size_t len, char **ret_data, size_t *ret_len)
{
    size_t size = len / 4 * 3 + 3, n;
    const char *end;
    CLEANUP(freep) char *data = malloc(size + 1);

    errno = 0;
    if (!data) {
        errno = ENOMEM;
        return -1;
    }
    /* libsodium 1.0.18 accepts some bytes above 0x7F as base64 letters. */
    if (ascii_prefix(text, len) != len ||
        sodium_base642bin((unsigned char *)data, size, text, len, NULL, &n, &end,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text + len)
        return -1;
    data[n] = '\0';
    *ret_len = n;
    *ret_data = TAKE(data);
    return 0;
}

void text_hash(const void *data, size_t len, uint8_t out[TEXT_HASH_SIZE])
{
    (void)crypto_generichash(out, TEXT_HASH_SIZE, data, len, NULL, 0);
}

/* RANDOM_BYTES new random bytes. A pool for each thread saves system calls. Borrowed until the
 * thread's next call. */
enum { RANDOM_BYTES = (TEXT_ID_SIZE - 1) / 2 };
static const unsigned char *random_bytes(void)
{
    static _Thread_local unsigned char pool[128 * RANDOM_BYTES];
    static _Thread_local size_t left;

    if (left == 0) {
        randombytes_buf(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= RANDOM_BYTES;
    return pool + left;
}

void text_random_id(char out[TEXT_ID_SIZE])
{
    (void)sodium_bin2hex(out, TEXT_ID_SIZE, random_bytes(), RANDOM_BYTES);
}

int64_t text_random_number(void)
{
    uint64_t number = 0;

    while (number == 0) {
        memcpy(&number, random_bytes(), sizeof number);
        number >>= 1;
    }
    return (int64_t)number;
}

const char *text_library(void) { return sodium_version_string(); }
