#include "bridge/consume/backlog.h"

#include <pthread.h>
#include <stdlib.h>

#include "schema/base/err.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"

#define HASH_NONFATAL_OOM 1 /* a set that cannot grow refuses the one element */
#include <uthash.h>

/* A row whose claim is heard of before backlog_add() is remembered until so many younger ones have
 * been claimed: the two are milliseconds apart. */
#define CLAIMED_ROWS 4096

struct backlog_row {
    int64_t seq;
    UT_hash_handle hh;
};

struct backlog {
    struct jobs *jobs; /* borrowed; NULL: stopped */
    pthread_mutex_t lock;
    /* guarded by lock */
    struct backlog_row *rows;
    int64_t claimed[CLAIMED_ROWS]; /* by seq modulo its size */
};

static void remove_row_locked(struct backlog *b, struct backlog_row *row)
{
    HASH_DEL(b->rows, row);
    free(row);
}

static void backlog_changed(void *ctx, const struct jobs_change *changes, size_t len)
{
    struct backlog *b = ctx;

    (void)pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < len; i++) {
        int64_t seq = changes[i].seq;
        struct backlog_row *row;
        if (changes[i].state == JOB_QUEUED)
            continue;
        b->claimed[seq % CLAIMED_ROWS] = seq;
        HASH_FIND(hh, b->rows, &seq, sizeof seq, row);
        if (row)
            remove_row_locked(b, row);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

void backlog_add(struct backlog *b, int64_t seq)
{
    struct backlog_row *row = calloc(1, sizeof *row), *known;

    if (!row)
        return;
    row->seq = seq;
    (void)pthread_mutex_lock(&b->lock);
    HASH_FIND(hh, b->rows, &seq, sizeof seq, known);
    bool added = !known && b->claimed[seq % CLAIMED_ROWS] != seq;
    if (added) {
        HASH_ADD(hh, b->rows, seq, sizeof row->seq, row);
        added = row->hh.tbl != NULL;
    }
    (void)pthread_mutex_unlock(&b->lock);
    if (!added)
        free(row);
}

void backlog_clear(struct backlog *b)
{
    struct backlog_row *row, *next;

    (void)pthread_mutex_lock(&b->lock);
    HASH_ITER(hh, b->rows, row, next) { remove_row_locked(b, row); }
    (void)pthread_mutex_unlock(&b->lock);
}

int64_t backlog_len(struct backlog *b)
{
    (void)pthread_mutex_lock(&b->lock);
    int64_t len = (int64_t)HASH_COUNT(b->rows);
    (void)pthread_mutex_unlock(&b->lock);
    return len;
}

int backlog_open(struct jobs *jobs, struct backlog **ret_backlog, struct err *e)
{
    struct backlog *b = calloc(1, sizeof *b);

    if (!b)
        return err_set(e, ERR_NOMEM, "Kafka backlog");
    b->jobs = jobs;
    (void)pthread_mutex_init(&b->lock, NULL);
    jobs_listen(jobs, backlog_changed, b);
    *ret_backlog = b;
    return 0;
}

void backlog_stop(struct backlog *b)
{
    if (b->jobs)
        jobs_unlisten(b->jobs, b);
    b->jobs = NULL;
}

struct backlog *backlog_free(struct backlog *b)
{
    if (!b)
        return NULL;
    backlog_clear(b);
    (void)pthread_mutex_destroy(&b->lock);
    free(b);
    return NULL;
}
