#include "engine/cell/cell_shape.h"

#include <pthread.h>
#include <string.h>

#include "engine/cell/cell_types.h"
#include "schema/base/base.h"
#include "schema/base/buf.h"

static struct {
    pthread_mutex_t lock;
    uint8_t seen[64][TEXT_HASH_SIZE];
    size_t len;
} known_shapes = { .lock = PTHREAD_MUTEX_INITIALIZER };

void cell_shape_hash(const struct cell_spec *s, const struct cell_host *host,
                     uint8_t ret_shape[TEXT_HASH_SIZE])
{
    struct buf text = { 0 };
    if (buf_printf(&text, "%s\n%s\n%s\n%d\n%d\n%s\n%s", s->image, s->workdir,
                   s->volume ? s->volume_target : "", s->volume_writable, s->nano_cpus > 0,
                   host->box, host->runtime ? host->runtime : "") < 0)
        buf_clear(&text);
    text_hash(text.data, text.len, ret_shape);
    buf_clear(&text);
}

static bool find_or_add(const uint8_t shape[TEXT_HASH_SIZE], bool add)
{
    bool seen = false;
    (void)pthread_mutex_lock(&known_shapes.lock);
    for (size_t i = 0; i < known_shapes.len && !seen; i++)
        seen = memcmp(known_shapes.seen[i], shape, TEXT_HASH_SIZE) == 0;
    if (!seen && add && known_shapes.len < ARRAY_LEN(known_shapes.seen))
        memcpy(known_shapes.seen[known_shapes.len++], shape, TEXT_HASH_SIZE);
    (void)pthread_mutex_unlock(&known_shapes.lock);
    return seen;
}

bool cell_shape_known(const uint8_t shape[TEXT_HASH_SIZE]) { return find_or_add(shape, false); }
void cell_shape_add(const uint8_t shape[TEXT_HASH_SIZE]) { (void)find_or_add(shape, true); }
