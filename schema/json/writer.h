/* schema/json/writer.h - writes compact JSON straight into one buffer.
 *
 *     writer_begin(&e, '{');
 *     writer_key(&e, "number");
 *     writer_number(&e, 1);
 *     writer_end(&e, '}');
 *
 * By hand because it is smaller than the tree it saves: jansson needs 16 us for 1 KB, this 1 us,
 * and program output of any bytes is escaped on the way. Commas come by themselves.
 *
 * Owns     the buffer, until writer_take() or writer_clear().
 * Threads  none of its own.
 * Errors   out of memory is remembered; writer_take() tells.
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

/* Room for `more` bytes ahead: saves copies, nothing else. */
void writer_reserve(struct writer *e, size_t more);

void writer_begin(struct writer *e, char brace);    /* '{' or '[' */
void writer_end(struct writer *e, char brace);      /* '}' or ']' */
void writer_key(struct writer *e, const char *key); /* key needs no escaping */

/* A JSON string. writer_text: any bytes, U+FFFD for what is not UTF-8. writer_word: NUL-terminated,
 * NULL is "". */
void writer_text(struct writer *e, const char *data, size_t len);
void writer_word(struct writer *e, const char *word);
size_t writer_text_size(const char *data,
                        size_t len); /* what writer_text() writes, with its quotes */
void writer_base64(struct writer *e, const void *data, size_t len);
void writer_hex(struct writer *e, const uint8_t *data, size_t len);

void writer_number(struct writer *e, int64_t number);
void writer_real(struct writer *e, double finite);
void writer_bool(struct writer *e, bool value);
void writer_null(struct writer *e);

/* Bytes that are JSON already: no comma is added. */
void writer_raw(struct writer *e, const char *json, size_t len);

/* The caller owns *ret_json; -1 when memory ran out on the way (then e is empty again). */
NODISCARD int writer_take(struct writer *e, char **ret_json, size_t *ret_len);
void writer_clear(struct writer *e);
