/* server/http/framing.h - where the requests of a connection begin and end (RFC 9112), read
 * strictly.
 *
 *     START --head--> BODY ---length bytes---------------------------> START
 *                 --> CHUNK --size line--> DATA --> DATA_END --> CHUNK
 *                           --last line, trailers, empty line--------> START
 *     anything that two servers could read in two ways ---> refused, and nothing passes any more
 *
 * The library takes a line that begins with a colon for the end of a head, folded lines, bare line
 * feeds, NUL, two lengths and much else. So it is shown only what passes here: whole heads and
 * whole chunk lines that have one meaning.
 *
 * Room     server/http. Has never heard of sockets or of the library.
 * Owns     nothing; the bytes are the caller's.
 * Threads  none of its own: a connection's, one at a time.
 * Errors   become `status` and `why`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The library keeps a record of each in the memory of the connection. */
#define FRAMING_FIELDS_MAX     100
#define FRAMING_PARAMETERS_MAX 32
/* A chunk's line with its extensions, and all trailers together, bytes. */
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
    uint64_t requests; /* heads so far, a refused one too */
    unsigned status;   /* what to answer to the last of them; 0: it is well-formed so far */
    const char *why;   /* static: a sentence */

    /* private to framing.c */
    enum framing_state state;
    size_t head_limit;
    uint64_t left;         /* of the body, or of the chunk */
    size_t line, searched; /* within the head or trailers: where the line begins; no LF before */
    bool has_request_line, old, chunked;
    int fields, hosts, lengths, encodings, types;
    uint64_t length;
};

/* head_limit: bytes of request line and headers; more is 431. */
void framing_init(struct framing *f, size_t head_limit);

/* How many of the bytes may be passed on. The rest is the beginning of a line or head that is not
 * whole, to be shown again with what follows; or, when f->status is set, of no use. Blanks out the
 * name of a header that the library would take apart and nobody here reads. */
size_t framing_take(struct framing *f, char *data, size_t len);

/* Whether what passed ends where a request ends. */
bool framing_is_between(const struct framing *f);

/* For a refused one: what makes a whole request of what was passed, so that it can be answered.
 * Static. */
const char *framing_rest(const struct framing *f);
