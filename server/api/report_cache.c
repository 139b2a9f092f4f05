#include "server/api/report_cache.h"

#include <microhttpd.h>
#include <pthread.h>
#include <string.h>

#include "server/http/answer.h"

#define HASH_NONFATAL_OOM 1 /* a map that cannot grow refuses the one element */
#include <uthash.h>
#include <utlist.h>

/* One entry may take this part of the whole. */
#define LARGEST_PART 16
/* What an entry costs beside its body. */
#define OVERHEAD 512

struct entry {
    char *id;                      /* owned */
    struct MHD_Response *response; /* one reference */
    size_t cost;
    struct entry *prev, *next; /* the longest unused first */
    UT_hash_handle hh;
};

struct report_cache {
    pthread_mutex_t lock;
    size_t limit;

    /* guarded by lock */
    struct entry *by_id, *order;
    size_t used;
};

static void entry_free(struct entry *x)
{
    if (x->response)
        MHD_destroy_response(x->response);
    free(x->id);
    free(x);
}

static struct entry *entry_make(const char *id, const char *body, size_t len)
{
    struct entry *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->id = strdup(id);
    x->cost = len + OVERHEAD;
    /* The library does not write through the pointer of a copied body. */
    x->response =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    if (x->id && x->response &&
        MHD_add_response_header(x->response, "Content-Type", "application/json") == MHD_YES &&
        answer_defend(x->response) == MHD_YES)
        return x;
    entry_free(x);
    return NULL;
}

static void drop_locked(struct report_cache *c, struct entry *x)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what is in the table has a neighbour */
    HASH_DEL(c->by_id, x);
    DL_DELETE(c->order, x);
    c->used -= x->cost;
    entry_free(x);
}

static bool add_locked(struct report_cache *c, struct entry *x)
{
    struct entry *known;

    HASH_FIND_STR(c->by_id, x->id, known);
    if (known)
        return false;
    HASH_ADD_KEYPTR(hh, c->by_id, x->id, strlen(x->id), x);
    if (!x->hh.tbl)
        return false;
    DL_APPEND(c->order, x);
    c->used += x->cost;
    return true;
}

void report_cache_put(struct report_cache *c, const char *id, const char *body, size_t len)
{
    if (len > c->limit / LARGEST_PART)
        return;
    struct entry *x = entry_make(id, body, len);
    if (!x)
        return;
    pthread_mutex_lock(&c->lock);
    bool added = add_locked(c, x);
    while (c->used > c->limit)
        drop_locked(c, c->order);
    pthread_mutex_unlock(&c->lock);
    if (!added)
        entry_free(x);
}

/* Queued under the lock: the connection's own reference is taken before anybody can drop ours. */
bool report_cache_send(struct report_cache *c, const char *id, struct MHD_Connection *connection)
{
    struct entry *x;
    bool sent = false;

    pthread_mutex_lock(&c->lock);
    HASH_FIND_STR(c->by_id, id, x);
    if (x) {
        if (x->next) { /* else it is the last used already */
            DL_DELETE(c->order, x);
            DL_APPEND(c->order, x);
        }
        sent = MHD_queue_response(connection, MHD_HTTP_OK, x->response) == MHD_YES;
    }
    pthread_mutex_unlock(&c->lock);
    return sent;
}

struct report_cache *report_cache_open(size_t limit)
{
    struct report_cache *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    c->limit = limit;
    return c;
}

struct report_cache *report_cache_free(struct report_cache *c)
{
    if (!c)
        return NULL;
    while (c->order)
        drop_locked(c, c->order);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}
