#include "engine/pool/pool_removal.h"

#include <stdlib.h>

#include "engine/cell/cell.h"
#include "engine/docker/docker.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

#define REMOVE_NS (5 * NS_PER_S)  /* longer, and the next one is taken first... */
#define STUCK_NS  (10 * NS_PER_S) /* ...and this one again after this time, doubled each time */
#define STUCK_MAX 6               /* times; then it is left to the next start's sweep */

bool pool_removal_add(struct pool_removal *l, struct cell *c)
{
    struct pool_removal_cell *g = malloc(sizeof *g);

    if (!g)
        return false;
    *g = (struct pool_removal_cell){ .cell = c, .next = l->first };
    l->first = g;
    l->len++;
    return true;
}

struct pool_removal_cell *pool_removal_next(struct pool_removal *l, int64_t now_ns, bool ending)
{
    struct pool_removal_cell *g = l->first;

    if (g) {
        l->first = g->next;
        return g;
    }
    g = l->stuck;
    if (!g || l->trying || (now_ns < g->due_ns && !ending))
        return NULL;
    l->stuck = g->next;
    l->trying = true;
    return g;
}

void pool_removal_try(struct pool_removal_cell *g, struct docker *d, int64_t deadline_ns,
                      bool ending)
{
    int64_t until = clock_mono_ns() + REMOVE_NS;
    struct err e = { .kind = ERR_NONE };

    /* Docker goes on with what we do not wait for any more: the next try finds it done. */
    docker_until(d, until < deadline_ns ? until : deadline_ns);
    bool gone = cell_remove(g->cell, d, &e) == 0;
    g->tries++;
    g->due_ns = clock_mono_ns() + (STUCK_NS << (g->tries - 1));
    if (gone || ending || g->tries == STUCK_MAX)
        g->cell = cell_free(g->cell, NULL); /* what is not gone, the next start finds */
}

void pool_removal_done(struct pool_removal *l, struct pool_removal_cell *g)
{
    bool was_stuck = g->tries > 1;
    struct pool_removal_cell **at = &l->stuck;

    l->trying = l->trying && !was_stuck;
    if (!g->cell) {
        free(g);
        l->len--;
        l->stuck_len -= was_stuck;
        return;
    }
    while (*at && (*at)->due_ns <= g->due_ns)
        at = &(*at)->next;
    g->next = *at;
    *at = g;
    l->stuck_len += !was_stuck;
}

int64_t pool_removal_due(const struct pool_removal *l)
{
    return l->stuck && !l->trying ? l->stuck->due_ns : INT64_MAX;
}
