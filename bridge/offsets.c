#include "bridge/offsets.h"

#include <string.h>

#include "schema/seqset.h"

#define FIRST_SIZE 256

static struct offsets_entry *at(struct offsets *o, uint64_t ticket)
{
    return &o->ring[ticket & (o->size - 1)];
}

static int grow(struct offsets *o)
{
    size_t size = o->size ? 2 * o->size : FIRST_SIZE;
    struct offsets_entry *ring = calloc(size, sizeof *ring);

    if (!ring)
        return -1;
    for (uint64_t i = o->first; i < o->next; i++)
        ring[i & (size - 1)] = *at(o, i);
    free(o->ring);
    o->ring = ring;
    o->size = size;
    return 0;
}

int offsets_begin(struct offsets *o, int64_t offset, uint64_t *ret_ticket)
{
    if (o->next - o->first == o->size && grow(o) < 0)
        return -1;
    *at(o, o->next) = (struct offsets_entry){ .offset = offset, .seq = -1 };
    *ret_ticket = o->next++;
    return 0;
}

void offsets_settle(struct offsets *o, uint64_t ticket, int64_t seq)
{
    at(o, ticket)->settled = true;
    at(o, ticket)->seq = seq;
}

bool offsets_ready(struct offsets *o, const struct seqset *unreported, int64_t *ret_next)
{
    uint64_t before = o->first;

    for (; o->first < o->next; o->first++) {
        const struct offsets_entry *x = at(o, o->first);
        if (!x->settled || (unreported && seqset_has(unreported, x->seq)))
            break;
        *ret_next = x->offset + 1;
    }
    return o->first != before;
}

void offsets_clear(struct offsets *o)
{
    free(o->ring);
    *o = (struct offsets){ 0 };
}
