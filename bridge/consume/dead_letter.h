/* bridge/consume/dead_letter.h - the outbox rows for a message that was refused: the message itself
 * for the dead-letter topic, and a report with the verdict "-" for its id.
 *
 * Room     bridge/consume.
 * Owns     reason, id and report, until dead_letter_clear(). The rows borrow the Kafka message.
 * Threads  none of its own.
 * Errors   0, or -1 out of memory.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stddef.h>

#include "schema/base/base.h"
#include "schema/store/outbox.h"

struct dead_letter {
    struct outbox_dead_letter rows[2];
    size_t len;
    char *reason, *id, *report; /* owned */
};

/* id NULL: no report. Copies reason and id. *ret_dead_letter is cleared first. */
NODISCARD int dead_letter_make(struct dead_letter *ret_dead_letter, const rd_kafka_message_t *m,
                               const char *reason, const char *id);
void dead_letter_clear(struct dead_letter *d);
