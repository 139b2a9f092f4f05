#include "engine/pool/pool_removal.h"

#include <stdlib.h>

#include "engine/cell/cell.h"
#include "engine/docker/docker.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

#define REMOVE_NS (5 * NS_PER_S) /* if it takes longer, the next cell is tried first... */
#define STUCK_NS                                                                                   \
    (10 * NS_PER_S) /* ...and this one again after this time, which doubles each time */
#define STUCK_MAX 6 /* tries; then it is left to the next start's sweep */

bool pool_removal_add(struct pool_removal *list, struct cell *c)
{
    struct pool_removal_cell *entry = malloc(sizeof *entry);

    if (!entry)
        return false;
    *entry = (struct pool_removal_cell){ .cell = c, .next = list->first };
    list->first = entry;
    list->len++;
    return true;
}

struct pool_removal_cell *pool_removal_next(struct pool_removal *list, int64_t now_ns, bool ending)
{
    struct pool_removal_cell *entry = list->first;

    if (entry) {
        list->first = entry->next;
        return entry;
    }
    entry = list->stuck;
    if (!entry || list->trying || (now_ns < entry->due_ns && !ending))
        return NULL;
    list->stuck = entry->next;
    list->trying = true;
    return entry;
}

void pool_removal_try(struct pool_removal_cell *entry, struct docker *d, int64_t deadline_ns,
                      bool ending)
{
    int64_t until = clock_mono_ns() + REMOVE_NS;
    struct err e = { .kind = ERR_NONE };

    /* Docker goes on after we stop waiting, so the next try may find the container removed. */
    docker_until(d, until < deadline_ns ? until : deadline_ns);
    bool removed = cell_remove(entry->cell, d, &e) == 0;
    entry->tries++;
    entry->due_ns = clock_mono_ns() + (STUCK_NS << (entry->tries - 1));
    if (removed || ending || entry->tries == STUCK_MAX)
        entry->cell =
            cell_free(entry->cell, NULL); /* if not removed, the next start's sweep does it */
}

void pool_removal_done(struct pool_removal *list, struct pool_removal_cell *entry)
{
    bool was_stuck = entry->tries > 1;
    struct pool_removal_cell **at = &list->stuck;

    list->trying = list->trying && !was_stuck;
    if (!entry->cell) {
        free(entry);
        list->len--;
        list->stuck_len -= was_stuck;
        return;
    }
    while (*at && (*at)->due_ns <= entry->due_ns)
        at = &(*at)->next;
    entry->next = *at;
    *at = entry;
    list->stuck_len += !was_stuck;
}

int64_t pool_removal_due(const struct pool_removal *list)
{
    return list->stuck && !list->trying ? list->stuck->due_ns : INT64_MAX;
}
