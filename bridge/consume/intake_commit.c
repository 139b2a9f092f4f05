#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/consume/giveback.h"
#include "bridge/consume/intake.h"
#include "bridge/consume/intake_internal.h"
#include "bridge/kafka/bridge_config.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/jobs.h"

/* ---- partitions ---- */

struct partition *intake_find_partition(const struct intake *in, int32_t number)
{
    for (size_t i = 0; i < in->partitions_len; i++) {
        if (in->partitions[i]->number == number && !in->partitions[i]->revoked)
            return in->partitions[i];
    }
    return NULL;
}

int intake_assign(struct intake *in, int32_t number)
{
    if (intake_find_partition(in, number))
        return 0;
    struct partition **more =
        reallocarray(in->partitions, in->partitions_len + 1, sizeof(struct partition *));
    if (!more)
        return -1;
    in->partitions = more;
    struct partition *p = calloc(1, sizeof *p);
    if (!p)
        return -1;
    p->number = number;
    more[in->partitions_len++] = p;
    return 0;
}

void intake_free_revoked(struct intake *in)
{
    size_t kept = 0;

    for (size_t i = 0; i < in->partitions_len; i++) {
        struct partition *p = in->partitions[i];
        if (p->revoked && p->in_flight == 0) {
            offsets_clear(&p->offsets);
            free(p);
        } else {
            in->partitions[kept++] = p;
        }
    }
    in->partitions_len = kept;
}

void intake_discard(struct intake *in, struct message *m)
{
    in->bytes -= m->bytes;
    (void)message_free(m);
}

void intake_revoke(struct intake *in, int32_t number)
{
    for (size_t i = 0; i < in->partitions_len; i++)
        in->partitions[i]->revoked |= number < 0 || in->partitions[i]->number == number;
    for (struct message *m = message_queue_take_all(&in->held), *next; m; m = next) {
        next = m->next;
        if (m->partition->revoked)
            intake_discard(in, m);
        else
            message_queue_put(&in->held, m);
    }
    intake_free_revoked(in);
}

size_t intake_in_flight(const struct intake *in, int32_t number)
{
    const struct partition *p = number < 0 ? NULL : intake_find_partition(in, number);

    if (number < 0)
        return in->in_flight;
    return p ? p->in_flight : 0;
}

/* ---- offsets ---- */

struct state_query {
    const struct intake *in;
    const struct partition *partition;
};

/* PENDING when the table cannot be read now: it is queried again later. */
static enum outbox_state query_outbox_state(const struct state_query *q,
                                            const struct offsets_entry *entry)
{
    const struct outbox_origin o = { .topic = q->in->config->topic,
                                     .partition = q->partition->number,
                                     .offset = entry->offset };
    enum outbox_state state;

    return outbox_state(q->in->jobs, &o, entry->awaits, &state, NULL) < 0 ? OUTBOX_PENDING : state;
}

/* A message that was given back (RETURNED) is not reported: it blocks all offsets after it. */
static bool is_acknowledged(void *ctx, const struct offsets_entry *entry)
{
    return query_outbox_state(ctx, entry) == OUTBOX_PUBLISHED;
}

void intake_offsets(struct intake *in, const char *topic, rd_kafka_topic_partition_list_t *list)
{
    offsets_is_reported_fn *is_reported = in->config->commit_reported ? is_acknowledged : NULL;
    int64_t next;

    for (size_t i = 0; i < in->partitions_len; i++) {
        struct partition *p = in->partitions[i];
        struct state_query q = { in, p };
        if (!p->revoked && offsets_ready(&p->offsets, is_reported, &q, &next))
            rd_kafka_topic_partition_list_add(list, topic, p->number)->offset = next;
    }
}

static bool is_partition_open(const struct intake *in, const struct partition *p)
{
    const struct state_query q = { in, p };

    for (uint64_t i = p->offsets.first; i < p->offsets.next; i++) {
        const struct offsets_entry *entry = offsets_at(&p->offsets, i);
        if (!entry->settled ||
            (entry->awaits != OFFSETS_NOTHING && query_outbox_state(&q, entry) == OUTBOX_PENDING))
            return true;
    }
    return false;
}

bool intake_is_open(const struct intake *in, int32_t number)
{
    for (size_t i = 0; i < in->partitions_len; i++) {
        const struct partition *p = in->partitions[i];
        if (!p->revoked && (number < 0 || p->number == number) && is_partition_open(in, p))
            return true;
    }
    return false;
}

/* ---- giving back ---- */

void intake_give_back(struct intake *in, int32_t number)
{
    if (!giveback_is_needed(in->config, in->jobs))
        return;
    for (size_t i = 0; i < in->partitions_len; i++) {
        const struct partition *p = in->partitions[i];
        if (!p->revoked && (number < 0 || p->number == number))
            giveback_partition(in->jobs, in->config->topic, p->number, 0);
    }
}
