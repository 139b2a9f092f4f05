/* server/http/grammar.h - which bytes HTTP allows in the parts of a line.
 *
 * Room     server/http. Knows neither sockets nor requests nor the library.
 * Threads  any; no state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* RFC 9110, 5.6.2: letters, digits and !#$%&'*+-.^_`|~. */
bool grammar_is_token_byte(unsigned char c);
/* The number of such bytes at the start of the text. */
size_t grammar_token_len(const char *s, size_t len);

/* RFC 9110, 5.5: visible characters, space, tab, and bytes from 0x80, which older clients send. */
bool grammar_is_field_text(const char *s, size_t len);

/* host or host:port, as in Host and in an absolute target (RFC 3986, 3.2). */
bool grammar_is_authority(const char *s, size_t len);

/* RFC 9112, 3.2: the four forms of a request's target. */
bool grammar_is_target(const char *method, size_t method_len, const char *target, size_t len);

/* Whether the text is the word, ignoring case. */
bool grammar_equals(const char *s, size_t len, const char *word);
