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

struct partition *intake_find(const struct intake *in, int32_t number)
{
    for (size_t i = 0; i < in->partitions_len; i++) {
        if (in->partitions[i]->number == number && !in->partitions[i]->revoked)
            return in->partitions[i];
    }
    return NULL;
}

int intake_assign(struct intake *in, int32_t number)
{
    if (intake_find(in, number))
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

void intake_sweep(struct intake *in)
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

void intake_drop(struct intake *in, struct message *m)
{
    in->bytes -= m->bytes;
    (void)message_free(m);
}

void intake_revoke(struct intake *in, int32_t number)
{
    for (size_t i = 0; i < in->partitions_len; i++)
        in->partitions[i]->revoked |= number < 0 || in->partitions[i]->number == number;
    for (struct message *m = message_take_all(&in->held), *next; m; m = next) {
        next = m->next;
        if (m->partition->revoked)
            intake_drop(in, m);
        else
            message_put(&in->held, m);
    }
    intake_sweep(in);
}

size_t intake_in_flight(const struct intake *in, int32_t number)
{
    const struct partition *p = number < 0 ? NULL : intake_find(in, number);

    if (number < 0)
        return in->in_flight;
    return p ? p->in_flight : 0;
}

/* ---- what may be committed ---- */

struct telling {
    const struct intake *in;
    const struct partition *p;
};

/* A table that cannot be read now is asked again. */
static enum outbox_state state_of(const struct telling *t, const struct offsets_entry *x)
{
    const struct outbox_origin o = { .topic = t->in->config->topic,
                                     .partition = t->p->number,
                                     .offset = x->offset };
    enum outbox_state state;

    return outbox_state(t->in->jobs, &o, x->awaits, &state, NULL) < 0 ? OUTBOX_PENDING : state;
}

/* What went back to Kafka is nobody's yet: it holds all behind it. */
static bool is_told(void *ctx, const struct offsets_entry *x)
{
    return state_of(ctx, x) == OUTBOX_PUBLISHED;
}

void intake_offsets(struct intake *in, const char *topic, rd_kafka_topic_partition_list_t *list)
{
    offsets_told_fn *told = in->config->commit_reported ? is_told : NULL;
    int64_t next;

    for (size_t i = 0; i < in->partitions_len; i++) {
        struct partition *p = in->partitions[i];
        struct telling t = { in, p };
        if (!p->revoked && offsets_ready(&p->offsets, told, &t, &next))
            rd_kafka_topic_partition_list_add(list, topic, p->number)->offset = next;
    }
}

static bool is_open(const struct intake *in, const struct partition *p)
{
    const struct telling t = { in, p };

    for (uint64_t i = p->offsets.first; i < p->offsets.next; i++) {
        const struct offsets_entry *x = offsets_at(&p->offsets, i);
        if (!x->settled || (x->awaits != OFFSETS_NOTHING && state_of(&t, x) == OUTBOX_PENDING))
            return true;
    }
    return false;
}

bool intake_is_open(const struct intake *in, int32_t number)
{
    for (size_t i = 0; i < in->partitions_len; i++) {
        const struct partition *p = in->partitions[i];
        if (!p->revoked && (number < 0 || p->number == number) && is_open(in, p))
            return true;
    }
    return false;
}

/* ---- back to Kafka ---- */

void intake_give_back(struct intake *in, int32_t number)
{
    if (!in->config->commit_reported)
        return;
    for (size_t i = 0; i < in->partitions_len; i++) {
        const struct partition *p = in->partitions[i];
        if (!p->revoked && (number < 0 || p->number == number))
            giveback_partition(in->jobs, in->config->topic, p->number, 0);
    }
}
