/* bridge/consume/envelope.h - reads one message of the topic: its kind, and its id.
 *
 * Two frames around a submission are removed: the 5 bytes that serializers of a schema registry put
 * before JSON (0, then the number of the schema), and a CloudEvent in structured mode (an object
 * with `specversion`; the submission is its `data`, the other members are its attributes).
 *
 * Pure: no Kafka, no table, no clock.
 *
 * Room     bridge/consume.
 * Owns     submission and attributes, until envelope_clear().
 * Threads  none of its own.
 * Errors   only out of memory; a bad message is no error, but an envelope of kind REFUSED.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/model/submission.h"

struct err;

/* A message as read from Kafka. All borrowed. */
struct envelope_message {
    const void *key; /* NULL: none */
    size_t key_len;
    const void *value; /* NULL: none */
    size_t value_len;
    const char *topic;
    int32_t partition;
    int64_t offset;
};

enum envelope_kind {
    ENVELOPE_SUBMISSION, /* in `submission`; if it has no id, `derived` is used */
    ENVELOPE_DONE,       /* the end of the stream */
    ENVELOPE_TOMBSTONE,  /* no value: it is skipped */
    ENVELOPE_FOREIGN,    /* another `type`: for another program, so it is skipped */
    ENVELOPE_REFUSED     /* no valid submission: see `reason`; `id` for its report */
};

#define ENVELOPE_REASON_SIZE 300

struct envelope {
    enum envelope_kind kind;
    struct submission *submission; /* owned */
    json_t *attributes;            /* owned; an object; NULL: not a CloudEvent */
    size_t ignored_fields;
    char derived[SUBMISSION_ID_MAX + 1]; /* the id to use where there is none */
    char reason[ENVELOPE_REASON_SIZE];   /* why it is refused or foreign; UTF-8 */
    char id[SUBMISSION_ID_MAX + 1];      /* REFUSED: the id of its report; "": no report */
};

/* A value of more than max_body_bytes is refused. -1: out of memory; nothing to clear then. */
NODISCARD int envelope_open(const struct envelope_message *m, const struct submission_rules *rules,
                            int64_t max_body_bytes, struct envelope *ret_envelope, struct err *e);
void envelope_clear(struct envelope *v);
