#include "bridge/consume/offsets.h"

#include <stdlib.h>

#define FIRST_SIZE 256 /* entries */

static struct offsets_entry *entry_at(struct offsets *o, uint64_t index)
{
    return &o->ring[index & (o->size - 1)];
}

static int grow_ring(struct offsets *o)
{
    size_t size = o->size ? 2 * o->size : FIRST_SIZE;
    struct offsets_entry *ring = calloc(size, sizeof *ring);

    if (!ring)
        return -1;
    for (uint64_t i = o->first; i < o->next; i++)
        ring[i & (size - 1)] = *entry_at(o, i);
    free(o->ring);
    o->ring = ring;
    o->size = size;
    return 0;
}

int offsets_begin(struct offsets *o, int64_t offset, uint64_t *ret_index)
{
    if (o->next - o->first == o->size && grow_ring(o) < 0)
        return -1;
    *entry_at(o, o->next) = (struct offsets_entry){ .offset = offset, .awaits = OFFSETS_NOTHING };
    *ret_index = o->next++;
    return 0;
}

void offsets_settle(struct offsets *o, uint64_t index, int64_t awaits)
{
    entry_at(o, index)->settled = true;
    entry_at(o, index)->awaits = awaits;
}

void offsets_reached(struct offsets *o, int64_t end)
{
    if (end > o->end)
        o->end = end;
}

bool offsets_ready(struct offsets *o, offsets_is_reported_fn *is_reported, void *ctx,
                   int64_t *ret_next)
{
    int64_t next = o->ready;

    for (; o->first < o->next; o->first++) {
        const struct offsets_entry *entry = entry_at(o, o->first);
        if (!entry->settled ||
            (is_reported && entry->awaits != OFFSETS_NOTHING && !is_reported(ctx, entry)))
            break;
        next = entry->offset + 1;
    }
    if (o->first == o->next && o->end > next)
        next = o->end;
    if (next == o->ready)
        return false;
    *ret_next = o->ready = next;
    return true;
}

void offsets_clear(struct offsets *o)
{
    free(o->ring);
    *o = (struct offsets){ 0 };
}
