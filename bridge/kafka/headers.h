/* bridge/kafka/headers.h - the headers of a message as one run of bytes, for the job table.
 *
 *     for each header: name_len, value_len (uint32_t, in the machine's order; HEADERS_NULL: no
 * value), name, value
 *
 * The table belongs to one machine, so the order of bytes is the machine's.
 *
 * Room     bridge/kafka.
 * Owns     nothing; the caller owns what is packed.
 * Threads  none of its own.
 */
#pragma once

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

struct buf;

#define HEADERS_MAX_BYTES ((size_t)(64 * KIB)) /* of one message; what is beyond is left out */

/* Adds headers (NULL: none) to out; those of ours (scrc-*) are left out. -1 out of memory.
 *
 * attributes (NULL: none) are those of a CloudEvent in structured mode. Each becomes the header
 * ce_NAME, as in binary mode, unless there is one already. So does `datacontenttype`, since
 * `content-type` tells of the whole message. A `content-type` that says "structured CloudEvent"
 * goes along only with the message as it came: of a report it would be untrue. */
NODISCARD int headers_pack(const rd_kafka_headers_t *headers, const json_t *attributes,
                           bool as_it_came, struct buf *out);

/* Adds what was packed to headers. False when the bytes are not what headers_pack() makes; what was
 * before the fault is added. */
bool headers_unpack(const void *packed, size_t len, rd_kafka_headers_t *headers);
