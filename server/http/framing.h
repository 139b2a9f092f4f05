/* server/http/framing.h - where the requests of a connection begin and end (RFC 9112), read
 * strictly.
 *
 *     START --head--> BODY ---length bytes---------------------------> START
 *                 --> CHUNK --size line--> DATA --> DATA_END --> CHUNK
 *                           --last line, trailers, empty line--------> START
 *     anything that two servers could read differently ---> refused, and nothing more is passed on
 *
 * The library is lax: it takes a line that begins with a colon for the end of a head, and accepts
 * folded lines, bare line feeds, NUL, two lengths and more. So it gets only what is passed on here:
 * whole heads and whole chunk lines that have one meaning.
 *
 * Room     server/http. Knows neither sockets nor the library.
 * Owns     nothing; the bytes are the caller's.
 * Threads  the one that serves the connection.
 * Errors   become `status` and `why`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounded, because the library keeps a record of each in the memory of the connection. */
#define FRAMING_FIELDS_MAX     100
#define FRAMING_PARAMETERS_MAX 40
/* Bytes of a chunk's line with its extensions, and of all trailers together. */
#define FRAMING_CHUNK_LINE_MAX 256
#define FRAMING_TRAILERS_MAX   1024

enum framing_state {
    FRAMING_START,
    FRAMING_BODY,
    FRAMING_CHUNK,
    FRAMING_DATA,
    FRAMING_DATA_END,
    FRAMING_TRAILERS
};

struct framing {
    uint64_t requests; /* heads so far, including a refused one */
    unsigned status;   /* the answer to the last of them; 0: it is well-formed so far */
    const char *why;   /* static: a sentence */

    /* private to framing.c */
    enum framing_state state;
    size_t head_limit;
    uint64_t bytes_left;   /* of the body, or of the chunk */
    size_t line, searched; /* offsets in the head or trailers: start of the line; no LF before */
    bool has_request_line, is_http_1_0, chunked;
    int fields, hosts, lengths, encodings, content_types;
    uint64_t length;
};

/* head_limit: bytes of request line and headers; more is answered with 431, or with 414 when the
 * request line alone is longer. */
void framing_init(struct framing *f, size_t head_limit);

/* Returns how many of the bytes may be passed on. The rest is the beginning of a line or head that
 * is not whole, which the caller keeps and gives again with what follows; when f->status is set, it
 * is to be dropped. Overwrites the name of Cookie, because the library would parse it and nothing
 * here reads it. */
size_t framing_take(struct framing *f, char *data, size_t len);

/* Whether what was passed on ends at the end of a request. */
bool framing_is_between(const struct framing *f);

/* For a refused request: the text that completes what was passed on to a whole request, so that the
 * library can answer it. Static. */
const char *framing_rest(const struct framing *f);
