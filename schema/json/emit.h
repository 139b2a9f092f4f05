/* schema/json/emit.h - writes compact JSON straight into one buffer.
 *
 *     emit_begin(&e, '{');
 *     emit_key(&e, "number");
 *     emit_number(&e, 1);
 *     emit_end(&e, '}');
 *
 * By hand because it is smaller than the tree it saves: jansson needs 16 us for 1 KB, this 1 us,
 * and program output of any bytes is escaped on the way. Commas come by themselves.
 *
 * Owns     the buffer, until emit_take() or emit_clear().
 * Threads  none of its own.
 * Errors   out of memory is remembered; emit_take() tells.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"

struct emit {
    struct buf out;
    bool failed;
};

/* Room for `more` bytes ahead: saves copies, nothing else. */
void emit_reserve(struct emit *e, size_t more);

void emit_begin(struct emit *e, char brace);    /* '{' or '[' */
void emit_end(struct emit *e, char brace);      /* '}' or ']' */
void emit_key(struct emit *e, const char *key); /* key needs no escaping */

/* A JSON string. emit_text: any bytes, U+FFFD for what is not UTF-8. emit_word: NUL-terminated,
 * NULL is "". */
void emit_text(struct emit *e, const char *data, size_t len);
void emit_word(struct emit *e, const char *word);
size_t emit_text_size(const char *data, size_t len); /* what emit_text() writes, with its quotes */
void emit_base64(struct emit *e, const void *data, size_t len);
void emit_hex(struct emit *e, const uint8_t *data, size_t len);

void emit_number(struct emit *e, int64_t number);
void emit_real(struct emit *e, double finite);
void emit_bool(struct emit *e, bool value);
void emit_null(struct emit *e);

/* Bytes that are JSON already: no comma is added. */
void emit_raw(struct emit *e, const char *json, size_t len);

/* The caller owns *ret_json; -1 when memory ran out on the way (then e is empty again). */
NODISCARD int emit_take(struct emit *e, char **ret_json, size_t *ret_len);
void emit_clear(struct emit *e);
