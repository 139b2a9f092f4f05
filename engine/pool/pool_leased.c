#include "engine/pool/pool_leased.h"

#include <stdlib.h>

#include "engine/pool/pool_class.h"

struct pool_leased {
    const struct cell *cell; /* borrowed */
    struct pool_class *cls;
    struct pool_leased *next;
};

void pool_leased_add(struct pool_leased **list, const struct cell *c, struct pool_class *cls)
{
    struct pool_leased *l = malloc(sizeof *l);
    if (!l)
        return;
    *l = (struct pool_leased){ .cell = c, .cls = cls, .next = *list };
    *list = l;
    cls->returning++;
}

void pool_leased_end(struct pool_leased **list, const struct cell *c)
{
    struct pool_leased **at = list;

    while (*at && (*at)->cell != c)
        at = &(*at)->next;
    struct pool_leased *l = *at;
    if (!l)
        return;
    *at = l->next;
    l->cls->returning--;
    free(l);
}
