/* bridge/consume/dead_letter.h - what goes into the outbox for a message that made no job: the
 * message itself for the dead-letter topic, and a report of "-" for whoever waits for its id.
 *
 * Room     bridge/consume.
 * Owns     what it made, until dead_letter_clear(). The rows borrow the message.
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

/* id NULL: no report. Copies reason and id. *ret_letter is cleared first. */
NODISCARD int dead_letter_make(struct dead_letter *ret_letter, const rd_kafka_message_t *m,
                               const char *reason, const char *id);
void dead_letter_clear(struct dead_letter *l);
