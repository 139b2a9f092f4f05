#include "engine/build/build_recent.h"

#include <string.h>

#define LARGEST_PART 4 /* an artefact may take at most this fraction of all */

void build_recent_init(struct build_recent *recent)
{
    *recent = (struct build_recent){ .bytes = 0 };
    for (size_t i = 0; i < BUILD_RECENT_MAX; i++)
        recent->artefacts[i].outcome.artefact_fd = -1;
}

static void empty_place(struct build_recent *recent, struct build_recent_artefact *a)
{
    recent->bytes -= a->bytes;
    build_outcome_clear(&a->outcome);
    *a = (struct build_recent_artefact){ .outcome.artefact_fd = -1 };
}

void build_recent_clear(struct build_recent *recent)
{
    for (size_t i = 0; i < BUILD_RECENT_MAX; i++)
        empty_place(recent, &recent->artefacts[i]);
}

static struct build_recent_artefact *find(struct build_recent *recent,
                                          const uint8_t key[BUILD_KEY_SIZE])
{
    for (size_t i = 0; i < BUILD_RECENT_MAX; i++) {
        struct build_recent_artefact *a = &recent->artefacts[i];
        if (a->outcome.artefact_fd >= 0 && memcmp(a->key, key, BUILD_KEY_SIZE) == 0)
            return a;
    }
    return NULL;
}

bool build_recent_find(struct build_recent *recent, const uint8_t key[BUILD_KEY_SIZE],
                       struct build_outcome *ret_outcome)
{
    struct build_recent_artefact *a = find(recent, key);

    if (!a || !build_outcome_copy(&a->outcome, ret_outcome))
        return false;
    a->used = ++recent->uses;
    return true;
}

/* A free place has used 0. */
static struct build_recent_artefact *least_used(struct build_recent *recent)
{
    struct build_recent_artefact *least = &recent->artefacts[0];

    for (size_t i = 1; i < BUILD_RECENT_MAX; i++)
        if (recent->artefacts[i].used < least->used)
            least = &recent->artefacts[i];
    return least;
}

static struct build_recent_artefact *oldest(struct build_recent *recent)
{
    struct build_recent_artefact *found = NULL;

    for (size_t i = 0; i < BUILD_RECENT_MAX; i++) {
        struct build_recent_artefact *a = &recent->artefacts[i];
        if (a->outcome.artefact_fd >= 0 && (!found || a->used < found->used))
            found = a;
    }
    return found;
}

void build_recent_add(struct build_recent *recent, const uint8_t key[BUILD_KEY_SIZE],
                      const struct build_outcome *outcome, int64_t bytes)
{
    struct build_recent_artefact *a = find(recent, key);
    struct build_outcome copy;

    if (outcome->artefact_fd < 0 || bytes > BUILD_RECENT_BYTES / LARGEST_PART ||
        !build_outcome_copy(outcome, &copy))
        return;
    if (a)
        empty_place(recent, a);
    while (recent->bytes + bytes > BUILD_RECENT_BYTES)
        empty_place(recent, oldest(recent));
    a = least_used(recent);
    empty_place(recent, a);
    memcpy(a->key, key, BUILD_KEY_SIZE);
    a->outcome = copy;
    a->bytes = bytes;
    a->used = ++recent->uses;
    recent->bytes += bytes;
}

void build_recent_drop(struct build_recent *recent, const uint8_t key[BUILD_KEY_SIZE])
{
    struct build_recent_artefact *a = find(recent, key);

    if (a)
        empty_place(recent, a);
}
