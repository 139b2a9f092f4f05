/* bridge/publish/encode.h - encodes a row of the outbox as the message for its topic.
 *
 * Room     bridge/publish.
 * Owns     the payload, until encode_clear(), or until the caller takes it and sets it to NULL.
 * Threads  none of its own.
 * Errors   0, or -1 with *e filled: ERR_NOMEM; ERR_INPUT: even truncated it does not fit;
 *          ERR_BUG: the row cannot be read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"
#include "schema/base/traceparent.h"

struct bridge_config;
struct err;
struct outbox_item;

/* The smallest limit of a topic at which anything is sent: the overhead of Kafka and of our
 * headers, and the smallest report, with an id of 20 bytes. The id counts twice and the topic's
 * name once; the longest ones need 1600. */
#define ENCODE_MIN_BYTES 600

struct encoded_message {
    char *payload; /* owned; NULL: none */
    size_t len;
    bool truncated;                     /* to fit */
    char traceparent[TRACEPARENT_SIZE]; /* of the report; "": none */
    bool bare;                          /* without the sender's headers, which do not fit */
};

/* The message, with its key and headers, has at most max bytes. */
NODISCARD int encode_item(const struct bridge_config *c, const struct outbox_item *item, size_t max,
                          struct encoded_message *ret_message, struct err *e);
void encode_clear(struct encoded_message *m);
