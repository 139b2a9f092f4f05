#include "server/api/report_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/request.h"
#include "server/http/shared_body.h"

#define HASH_NONFATAL_OOM 1 /* a map that cannot grow refuses the one element */
#include <uthash.h>
#include <utlist.h>

/* One report may take at most limit / LARGEST_PART bytes. */
#define LARGEST_PART 16
/* Bytes counted for a report besides its body. */
#define OVERHEAD 512

struct cached_report {
    char *id;         /* owned */
    const char *body; /* owned reference */
    size_t len, cost;
    char etag[REPLY_TAG_SIZE];
    struct cached_report *prev, *next; /* the longest unused first */
    UT_hash_handle hh;
};

struct report_cache {
    pthread_mutex_t lock;
    size_t limit;

    /* guarded by lock */
    struct cached_report *by_id, *order;
    size_t used;
};

static void free_cached_report(struct cached_report *report)
{
    if (report->body)
        shared_body_release((char *)(uintptr_t)report->body);
    free(report->id);
    free(report);
}

static struct cached_report *make_cached_report(const char *id, const char *body, size_t len,
                                                const char etag[REPLY_TAG_SIZE])
{
    struct cached_report *report = calloc(1, sizeof *report);

    if (!report)
        return NULL;
    report->id = strdup(id);
    report->body = shared_body_make(body, len);
    report->len = len;
    report->cost = len + OVERHEAD;
    memcpy(report->etag, etag, REPLY_TAG_SIZE);
    if (report->id && report->body)
        return report;
    free_cached_report(report);
    return NULL;
}

static void evict_report_locked(struct report_cache *c, struct cached_report *report)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an element of the map is in the list */
    HASH_DEL(c->by_id, report);
    DL_DELETE(c->order, report);
    c->used -= report->cost;
    free_cached_report(report);
}

static bool add_report_locked(struct report_cache *c, struct cached_report *report)
{
    struct cached_report *known;

    HASH_FIND_STR(c->by_id, report->id, known);
    if (known)
        return false;
    HASH_ADD_KEYPTR(hh, c->by_id, report->id, strlen(report->id), report);
    if (!report->hh.tbl)
        return false;
    DL_APPEND(c->order, report);
    c->used += report->cost;
    return true;
}

void report_cache_put(struct report_cache *c, const char *id, const char *body, size_t len,
                      const char etag[REPLY_TAG_SIZE])
{
    if (len > c->limit / LARGEST_PART)
        return;
    struct cached_report *report = make_cached_report(id, body, len, etag);
    if (!report)
        return;
    pthread_mutex_lock(&c->lock);
    bool added = add_report_locked(c, report);
    while (c->used > c->limit)
        evict_report_locked(c, c->order);
    pthread_mutex_unlock(&c->lock);
    if (!added)
        free_cached_report(report);
}

bool report_cache_reply(struct report_cache *c, struct request *r)
{
    struct cached_report *report;
    char etag[REPLY_TAG_SIZE];

    pthread_mutex_lock(&c->lock);
    HASH_FIND_STR(c->by_id, r->id, report);
    if (report) {
        if (report->next) { /* else it is the last used */
            DL_DELETE(c->order, report);
            DL_APPEND(c->order, report);
        }
        (void)request_reply_shared(r, 200, JSON_TYPE, shared_body_ref(report->body), report->len);
        memcpy(etag, report->etag, sizeof etag);
    }
    pthread_mutex_unlock(&c->lock);
    if (report)
        request_tag(r, etag);
    return report != NULL;
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
        evict_report_locked(c, c->order);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}
