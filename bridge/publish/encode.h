/* bridge/publish/encode.h - a row of the outbox as the message that goes to its topic.
 *
 * Room     bridge/publish.
 * Owns     the payload, until encode_clear() or until somebody takes it.
 * Threads  none of its own.
 * Errors   0, or -1 with *e filled: ERR_NOMEM; ERR_INPUT when it does not fit whatever is left out;
 *          ERR_BUG when the row cannot be read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

struct bridge_config;
struct err;
struct outbox_item;

/* A topic that takes less takes nothing of ours: what Kafka and our headers add, and the smallest
 * report of an id of 20 bytes. The id counts twice and the topic's name once, so that the longest
 * want 1600. */
#define ENCODE_MIN_BYTES 600

struct encoded_message {
    char *payload; /* owned; NULL: none */
    size_t len;
    bool cut;  /* to fit */
    bool bare; /* there is no room for the headers that came with its origin */
};

/* The whole message, with its key and its headers, stays within max bytes. */
NODISCARD int encode_item(const struct bridge_config *c, const struct outbox_item *item, size_t max,
                          struct encoded_message *ret_wrap, struct err *e);
void encode_clear(struct encoded_message *w);
