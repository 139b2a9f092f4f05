/* schema/json/reader.h - reads untrusted JSON with bounds. jansson parses the structure; long
 * strings are extracted before and decoded here.
 *
 * jansson needs 20 us for 1 KB of text and stores it twice, and a submission is mostly text. So
 * string values of 32 bytes and more are decoded here (1 us), and jansson gets a short placeholder.
 * An invalid string is left in place, so that all syntax errors come from jansson.
 *
 * Room     schema/json: reading untrusted JSON, writing JSON, errors of fields.
 *          May know schema/base.
 * Owns     the tree and the texts, until reader_clear().
 * Threads  one at a time.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/bytes.h"

struct err;

/* A string value that was extracted from the document. */
struct reader_text {
    struct bytes bytes;     /* data NULL: reader_string() gave it to the caller */
    size_t at, size;        /* in the document, with its quotes */
    size_t placeholder_len; /* its length */
};

struct reader {
    json_t *root;              /* owned */
    struct reader_text *texts; /* owned */
    size_t texts_len, texts_size;
    bool reals_only;        /* an integer was too large, so all numbers are reals */
    char error_pointer[32]; /* after ERR_INPUT: pointer to the top-level field at fault, or "" */
};

/* Reads len bytes of JSON. Depth and number of values are checked before a tree is built.
 * ERR_SYNTAX: not JSON, duplicate keys, trailing bytes, deeper than max_depth.
 * ERR_INPUT: JSON with more than max_values values, or a number beyond the range of a double.
 * A byte order mark at the start is skipped, and not counted in the byte positions of errors.
 * *ret_reader is always written; release it with reader_clear(). */
NODISCARD int reader_load(const char *json, size_t len, int64_t max_depth, int64_t max_values,
                          struct reader *ret_reader, struct err *e);

/* The bytes of string v of this document; the caller owns *ret_bytes. At most once for each v. -1:
 * out of memory. */
NODISCARD int reader_string(struct reader *d, const json_t *v, struct bytes *ret_bytes);

void reader_clear(struct reader *d);
