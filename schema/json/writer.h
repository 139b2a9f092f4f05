/* schema/json/writer.h - writes compact JSON into one buffer.
 *
 *     writer_begin(&w, '{');
 *     writer_key(&w, "number");
 *     writer_number(&w, 1);
 *     writer_end(&w, '}');
 *
 * Not jansson, which builds a tree first: it needs 16 us for 1 KB, this 1 us. Commas are added
 * automatically; texts may be any bytes, such as a program's output.
 *
 * Owns     the buffer, until writer_take() or writer_clear().
 * Threads  one at a time.
 * Errors   after out of memory all calls do nothing, and writer_take() fails.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"

struct writer {
    struct buf out;
    bool failed;
};

/* Allocates room for `more` bytes, so that the buffer need not grow step by step. Optional. */
void writer_reserve(struct writer *w, size_t more);

void writer_begin(struct writer *w, char brace);    /* '{' or '[' */
void writer_end(struct writer *w, char brace);      /* '}' or ']' */
void writer_key(struct writer *w, const char *key); /* key needs no escaping */

/* A JSON string. writer_text(): any bytes; U+FFFD replaces what is not UTF-8. writer_word():
 * NUL-terminated; NULL counts as "". */
void writer_text(struct writer *w, const char *data, size_t len);
void writer_word(struct writer *w, const char *word);
/* How many bytes writer_text() writes, with the quotes. */
size_t writer_text_size(const char *data, size_t len);
/* As JSON strings. */
void writer_base64(struct writer *w, const void *data, size_t len);
void writer_hex(struct writer *w, const uint8_t *data, size_t len);

void writer_number(struct writer *w, int64_t number);
void writer_real(struct writer *w, double finite); /* exact: reading it gives the same double */
void writer_bool(struct writer *w, bool value);
void writer_null(struct writer *w);

/* Copies bytes that are JSON already; adds no comma. */
void writer_raw(struct writer *w, const char *json, size_t len);

/* The caller owns *ret_json, which ends in a NUL. -1: memory ran out. The writer is empty
 * afterwards. */
NODISCARD int writer_take(struct writer *w, char **ret_json, size_t *ret_len);
void writer_clear(struct writer *w);
