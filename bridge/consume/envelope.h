/* bridge/consume/envelope.h - one message of the topic: what it is, and which id it goes by.
 *
 * A value may have a frame around the submission, which is taken off: the 5 bytes that serializers
 * of a schema registry put before JSON (0, then the schema's number), and a CloudEvent in
 * structured mode (an object with `specversion`; the submission is its `data`, the rest are its
 * attributes).
 *
 * Pure: no Kafka, no table, no clock.
 *
 * Room     bridge/consume.
 * Owns     what it filled in, until envelope_clear().
 * Threads  none of its own.
 * Errors   only out of memory; everything that can be wrong with a message is a kind of envelope.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/model/submission.h"

struct err;

/* As read; all borrowed. */
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
    ENVELOPE_SUBMISSION, /* `submission`; where it has no id of its own, `derived` */
    ENVELOPE_DONE,       /* the end of the stream */
    ENVELOPE_TOMBSTONE,  /* no value: nothing was asked for */
    ENVELOPE_FOREIGN,    /* a `type` that is not ours: meant for somebody else */
    ENVELOPE_REFUSED     /* not a submission; `reason`, and `id` for its report */
};

#define ENVELOPE_REASON_SIZE 300

struct envelope {
    enum envelope_kind kind;
    struct submission *submission; /* owned */
    json_t *attributes;            /* owned; an object; NULL: it was in no CloudEvent */
    size_t ignored_fields;
    char derived[SUBMISSION_ID_MAX + 1]; /* what stands for a missing id */
    char reason[ENVELOPE_REASON_SIZE];   /* why it is refused or foreign; UTF-8 */
    char id[SUBMISSION_ID_MAX + 1];      /* refused: whom the report would be for; "": nobody */
};

/* -1 only out of memory, with nothing to clear. max_body_bytes bounds the value. */
NODISCARD int envelope_open(const struct envelope_message *m, const struct submission_rules *rules,
                            int64_t max_body_bytes, struct envelope *ret_envelope, struct err *e);
void envelope_clear(struct envelope *v);
