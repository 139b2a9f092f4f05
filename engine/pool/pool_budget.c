#include "engine/pool/pool_budget.h"

#include <stddef.h>

#include "engine/pool/pool_class.h"

/* One for each of the two classes, build and run, of five languages; and for each worker two of
 * each kind, for it uses one while another one is made. */
#define KEPT_ALWAYS     10
#define KEPT_PER_WORKER 4

int64_t pool_budget_most(int64_t parallel) { return KEPT_ALWAYS + KEPT_PER_WORKER * parallel; }

/* The less recently used of two; a may be NULL. b was added later, and is the answer when equal. */
static struct pool_class *less_recent(struct pool_class *a, struct pool_class *b)
{
    return a && a->used < b->used ? a : b;
}

bool pool_budget_grant(const struct pool_budget *b, struct pool_class *cls)
{
    int64_t granted = 0;

    for (int i = 0; i < b->classes_len; i++)
        granted += b->classes[i]->target;
    if (granted >= b->most)
        return false;
    cls->target++;
    return true;
}

bool pool_budget_move(const struct pool_budget *b, struct pool_class *cls)
{
    struct pool_class *from = NULL;

    for (int i = 0; i < b->classes_len; i++)
        if (b->classes[i] != cls && b->classes[i]->target > 0)
            from = less_recent(from, b->classes[i]);
    if (!from)
        return false;
    from->target--;
    cls->target++;
    return true;
}

struct pool_class *pool_budget_excess(const struct pool_budget *b)
{
    struct pool_class *from = NULL;
    int64_t idle = 0;

    for (int i = 0; i < b->classes_len; i++) {
        struct pool_class *cls = b->classes[i];
        int64_t wanted = cls->target > cls->waiting ? cls->target : cls->waiting;
        idle += cls->idle_len;
        if (cls->idle_len > wanted)
            from = less_recent(from, cls);
    }
    return idle > b->most ? from : NULL;
}
