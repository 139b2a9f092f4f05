#include "engine/build/build_recent.h"

#include <string.h>

#define LARGEST_PART 4 /* an artefact may take at most this fraction of all */

/* The last one takes its place. */
static void drop(struct build_recent *recent, struct build_recent_artefact *a)
{
    recent->bytes -= a->bytes;
    build_outcome_clear(&a->outcome);
    *a = recent->artefacts[--recent->len];
}

void build_recent_clear(struct build_recent *recent)
{
    while (recent->len > 0)
        drop(recent, &recent->artefacts[0]);
}

static struct build_recent_artefact *find(struct build_recent *recent,
                                          const uint8_t key[BUILD_KEY_SIZE])
{
    for (size_t i = 0; i < recent->len; i++)
        if (memcmp(recent->artefacts[i].key, key, BUILD_KEY_SIZE) == 0)
            return &recent->artefacts[i];
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

static struct build_recent_artefact *least_recent(struct build_recent *recent)
{
    struct build_recent_artefact *least = &recent->artefacts[0];

    for (size_t i = 1; i < recent->len; i++)
        if (recent->artefacts[i].used < least->used)
            least = &recent->artefacts[i];
    return least;
}

void build_recent_add(struct build_recent *recent, const uint8_t key[BUILD_KEY_SIZE],
                      const struct build_outcome *outcome, int64_t bytes)
{
    struct build_recent_artefact added = { .bytes = bytes, .used = ++recent->uses };

    if (outcome->artefact_fd < 0 || bytes > BUILD_RECENT_BYTES / LARGEST_PART ||
        !build_outcome_copy(outcome, &added.outcome))
        return;
    memcpy(added.key, key, BUILD_KEY_SIZE);
    build_recent_drop(recent, key);
    while (recent->len == BUILD_RECENT_MAX || recent->bytes + bytes > BUILD_RECENT_BYTES)
        drop(recent, least_recent(recent));
    recent->artefacts[recent->len++] = added;
    recent->bytes += bytes;
}

void build_recent_drop(struct build_recent *recent, const uint8_t key[BUILD_KEY_SIZE])
{
    struct build_recent_artefact *a = find(recent, key);

    if (a)
        drop(recent, a);
}
