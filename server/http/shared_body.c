#include "server/http/shared_body.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct shared_body {
    atomic_size_t references;
    char data[];
};

static struct shared_body *shared_body_of(const char *data)
{
    return (struct shared_body *)(uintptr_t)(data - offsetof(struct shared_body, data));
}

const char *shared_body_make(const char *data, size_t len)
{
    struct shared_body *b = malloc(sizeof *b + len);

    if (!b)
        return NULL;
    atomic_init(&b->references, 1);
    memcpy(b->data, data, len);
    return b->data;
}

const char *shared_body_ref(const char *data)
{
    (void)atomic_fetch_add(&shared_body_of(data)->references, 1);
    return data;
}

void shared_body_release(void *data)
{
    struct shared_body *b = shared_body_of(data);

    if (atomic_fetch_sub(&b->references, 1) == 1)
        free(b);
}
