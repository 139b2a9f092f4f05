/* bridge/kafka/headers.h - packs the headers of a message into one blob for the job table.
 *
 *     for each header: name_len, value_len (uint32_t each; value_len UINT32_MAX: no value), name,
 *     value
 *
 * Numbers are in the byte order of the machine, because the table is never read by another one.
 *
 * Room     bridge/kafka.
 * Owns     nothing; the caller owns the buffer.
 * Threads  none of its own.
 */
#pragma once

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"
#include "schema/base/traceparent.h"

struct buf;

#define HEADERS_MAX_BYTES ((size_t)(64 * KIB)) /* per message; more is left out */

/* Appends headers (NULL: none) to out, without our own (scrc-*). -1: out of memory.
 *
 * attributes (NULL: none) are those of a CloudEvent in structured mode. Each becomes the header
 * ce_NAME, as in binary mode, unless that header exists. `datacontenttype` is no exception, because
 * `content-type` describes the whole message. A `content-type` of a structured CloudEvent is kept
 * only with as_it_came (a dead letter repeats the message): for a report it would be wrong. */
NODISCARD int headers_pack(const rd_kafka_headers_t *headers, const json_t *attributes,
                           bool as_it_came, struct buf *out);

/* The header traceparent of a message, the last one; false: none, or not valid, and out is "". */
bool headers_traceparent(const rd_kafka_message_t *m, char out[TRACEPARENT_SIZE]);

/* Appends the packed headers to headers. False when the bytes do not come from headers_pack(); the
 * headers in front of the error are added. */
bool headers_unpack(const void *packed, size_t len, rd_kafka_headers_t *headers);
