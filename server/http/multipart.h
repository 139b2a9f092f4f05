/* server/http/multipart.h - the parts of a multipart/form-data body (RFC 7578), read strictly,
 * where they lie: nothing is copied but names.
 *
 * The library's own reader wants a connection, copies all of a body in pieces, and takes what is
 * cut off; the body is in memory already.
 *
 * Room     server/http. Knows no sockets and no library.
 * Owns     nothing; the bytes are the caller's.
 * Threads  any; no state.
 * Errors   ERR_SYNTAX: it is no such body; the message says which part is wrong.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

struct err;

#define MULTIPART_BOUNDARY_MAX 70
#define MULTIPART_NAME_MAX     255
#define MULTIPART_HEADERS_MAX  (8 * KIB) /* bytes of one part's headers */

struct multipart {
    /* private to multipart.c */
    const char *at, *end;
    char delimiter[MULTIPART_BOUNDARY_MAX + 5]; /* CR LF -- boundary */
    size_t delimiter_len, parts;
};

struct multipart_part {
    char name[MULTIPART_NAME_MAX + 1];
    bool is_file;                          /* it has a filename */
    char filename[MULTIPART_NAME_MAX + 1]; /* "" without */
    const char *data;                      /* borrowed from the body */
    size_t len;
};

/* content_type: multipart/form-data with its boundary. Borrows the body. */
NODISCARD int multipart_open(const char *content_type, const char *body, size_t len,
                             struct multipart *ret_multipart, struct err *e);

/* 1: the next part; 0: there are no more, and the body has ended as it should; -1. */
NODISCARD int multipart_next(struct multipart *m, struct multipart_part *ret_part, struct err *e);
