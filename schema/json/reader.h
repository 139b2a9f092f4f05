/* schema/json/reader.h - somebody's JSON, read with bounds: jansson for the structure, with the
 * long strings taken out before and decoded aside.
 *
 * jansson reads 1 KB of text in 20 us and keeps it twice; a submission is nearly all text. So
 * string values of 32 bytes and more are decoded here (1 us) and jansson sees a short stand-in. A
 * string that is not clean JSON is left in place: jansson alone says what is not JSON.
 *
 * Room     schema/json: JSON of others read with bounds, ours written; what is wrong with a field.
 *          May know schema/base.
 * Owns     the tree and the texts, until reader_clear().
 * Threads  none of its own.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/bytes.h"

struct err;

/* A string value taken out of the document. */
struct reader_text {
    struct bytes bytes; /* data NULL once reader_string() has handed it on */
    size_t at, size;    /* in the original, with its quotes */
    size_t stand_in;    /* length of what jansson saw instead */
};

struct reader {
    json_t *root; /* owned */
    struct reader_text *texts;
    size_t texts_len, texts_size;
    bool reals_only; /* an integer was too large, so all numbers were read as reals */
    char blame[32];  /* after ERR_INPUT: pointer to the top-level field that did it, or "" */
};

/* Reads len bytes of JSON. Depth and the number of values are bounded before anything is built.
 * ERR_SYNTAX: not JSON, duplicate keys, bytes behind it, deeper than max_depth.
 * ERR_INPUT: JSON with more than max_values values, or a number beyond the range of a double.
 * A byte order mark before it is passed over, and not counted in what errors say of places.
 * *ret_document is always written; release it with reader_clear(). */
NODISCARD int reader_load(const char *json, size_t len, int64_t max_depth, int64_t max_values,
                          struct reader *ret_document, struct err *e);

/* The bytes of string v of this document, handed on: *ret_bytes belongs to the caller, and v must
 * not be asked for again. -1 out of memory. */
NODISCARD int reader_string(struct reader *d, const json_t *v, struct bytes *ret_bytes);

void reader_clear(struct reader *d);
