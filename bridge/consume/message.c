#include "bridge/consume/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/kafka/bridge_config.h"
#include "bridge/kafka/headers.h"
#include "schema/base/text.h"

#define EXTRA_BYTES 1024 /* memory of a message beside key, value and headers */

static int prepare_accept(struct message *m)
{
    struct submission *s = m->envelope.submission;

    s->door = SUBMISSION_KAFKA;
    (void)headers_traceparent(m->kafka, s->traceparent);
    if (submission_pack(s, &m->packed, NULL) < 0)
        return -1;
    m->op = (struct jobs_op){ .kind = JOBS_ACCEPT };
    m->op.u.accept.submission = s;
    m->op.u.accept.owner = s->owner;
    m->op.u.accept.packed = &m->packed;
    m->op.u.accept.origin = &m->origin;
    m->op.u.accept.derived = s->id ? NULL : m->envelope.derived;
    return 0;
}

/* A dead letter, and a report if the message has an id. */
static int prepare_refusal(struct message *m)
{
    const struct envelope *v = &m->envelope;

    if (dead_letter_make(&m->dead_letter, m->kafka, v->reason, v->id[0] ? v->id : NULL) < 0)
        return -1;
    m->op = (struct jobs_op){ .kind = JOBS_REFUSE };
    m->op.u.refuse.origin = &m->origin;
    m->op.u.refuse.rows = m->dead_letter.rows;
    m->op.u.refuse.rows_len = m->dead_letter.len;
    return 0;
}

bool message_is_skipped(const struct message *m)
{
    return m->envelope.kind != ENVELOPE_SUBMISSION && m->envelope.kind != ENVELOPE_REFUSED;
}

/* Distinguishes two messages at the same offset, if the topic was deleted and created again. */
static int64_t digest_of(const rd_kafka_message_t *k)
{
    uint8_t hash[TEXT_HASH_SIZE];
    int64_t key, value;

    text_hash(k->key, k->key_len, hash);
    memcpy(&key, hash, sizeof key);
    text_hash(k->payload, k->len, hash);
    memcpy(&value, hash, sizeof value);
    return (key ^ value) | 1; /* 0 means "not known" */
}

static int prepare_operation(struct message *m, const struct bridge_config *c)
{
    const rd_kafka_message_t *k = m->kafka;
    const char *topic = rd_kafka_topic_name(k->rkt);
    rd_kafka_headers_t *headers = NULL;
    const struct envelope_message read = { .key = k->key,
                                           .key_len = k->key_len,
                                           .value = k->payload,
                                           .value_len = k->len,
                                           .topic = topic,
                                           .partition = k->partition,
                                           .offset = k->offset };

    if (envelope_open(&read, &c->rules, c->max_body_bytes, &m->envelope, NULL) < 0)
        return -1;
    (void)rd_kafka_message_headers(k, &headers); /* fails when there are none */
    if (headers_pack(headers, m->envelope.attributes, m->envelope.kind == ENVELOPE_REFUSED,
                     &m->headers) < 0)
        return -1;
    m->origin = (struct outbox_origin){ .topic = topic,
                                        .partition = k->partition,
                                        .offset = k->offset,
                                        .sent_ms = rd_kafka_message_timestamp(k, NULL),
                                        .digest = digest_of(k),
                                        .headers = m->headers.data,
                                        .headers_len = m->headers.len };
    if (message_is_skipped(m))
        return 0;
    return m->envelope.kind == ENVELOPE_REFUSED ? prepare_refusal(m) : prepare_accept(m);
}

struct message *message_open(rd_kafka_message_t *kafka, const struct bridge_config *c)
{
    struct message *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->kafka = kafka;
    if (prepare_operation(m, c) < 0) {
        m->kafka = NULL;
        return message_free(m);
    }
    m->bytes = kafka->len + kafka->key_len + m->headers.len + EXTRA_BYTES;
    return m;
}

struct message *message_free(struct message *m)
{
    if (!m)
        return NULL;
    dead_letter_clear(&m->dead_letter);
    submission_packed_clear(&m->packed);
    envelope_clear(&m->envelope);
    buf_clear(&m->headers);
    if (m->kafka)
        rd_kafka_message_destroy(m->kafka);
    free(m);
    return NULL;
}

int message_refuse(struct message *m, const char *why)
{
    (void)snprintf(m->envelope.reason, sizeof m->envelope.reason, "%s", why);
    m->envelope.id[0] = '\0';
    return prepare_refusal(m);
}

/* ---- queue ---- */

void message_queue_init(struct message_queue *q)
{
    q->head = NULL;
    q->tail = &q->head;
}

void message_queue_put(struct message_queue *q, struct message *m)
{
    m->next = NULL;
    *q->tail = m;
    q->tail = &m->next;
}

struct message *message_queue_take_all(struct message_queue *q)
{
    struct message *first = q->head;

    message_queue_init(q);
    return first;
}
