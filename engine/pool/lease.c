#include "engine/pool/lease.h"

#include "engine/docker/docker.h"
#include "engine/engine_config.h"
#include "engine/pool/pool.h"

#define TAKES_MAX 3 /* cells tried before a refused memory limit counts as a fault */

int lease_init(struct lease *b, const struct engine_config *config, const struct cell_host *host,
               struct err *e)
{
    *b = (struct lease){ .config = config, .host = host };
    if (docker_open(config->docker_host, &b->docker, e) < 0)
        return -1;
    if (docker_open(config->docker_host, &b->ahead.order.docker, e) < 0) {
        b->docker = docker_free(b->docker);
        return -1;
    }
    (void)pthread_mutex_init(&b->lock, NULL);
    return 0;
}

void lease_clear(struct lease *b)
{
    if (!b->docker)
        return;
    b->docker = docker_free(b->docker);
    b->ahead.order.docker = docker_free(b->ahead.order.docker);
    (void)pthread_mutex_destroy(&b->lock);
}

void lease_begin(struct lease *b, struct pool *pool, int64_t seq)
{
    (void)pthread_mutex_lock(&b->lock);
    b->pool = pool;
    b->stage = LEASE_IDLE;
    b->seq = seq;
    b->aborted = false;
    (void)pthread_mutex_unlock(&b->lock);
}

static void join_ahead(struct lease *b)
{
    if (b->ahead.pending)
        (void)pthread_join(b->ahead.thread, NULL);
    b->ahead.pending = false;
}

void lease_end(struct lease *b)
{
    join_ahead(b);
    for (size_t i = 0; i < LEASE_CELLS_MAX; i++)
        if (b->cells[i].cell)
            lease_release(b, &b->cells[i]);
    (void)pthread_mutex_lock(&b->lock);
    b->seq = 0;
    (void)pthread_mutex_unlock(&b->lock);
}

/* From here on lease_abort() reaches the cell. */
static int hold(struct lease *b, const struct lease_cell *taken, struct lease_cell **ret_cell,
                struct err *e)
{
    struct lease_cell *place = NULL;

    (void)pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < LEASE_CELLS_MAX && !b->aborted; i++)
        place = !place && !b->cells[i].cell ? &b->cells[i] : place;
    bool aborted = b->aborted;
    if (place)
        *place = *taken;
    (void)pthread_mutex_unlock(&b->lock);

    if (aborted)
        return err_set(e, ERR_CANCELLED, "stopped before it ran");
    if (!place)
        return err_set(e, ERR_BUG, "more than %d cells on one bench", LEASE_CELLS_MAX);
    *ret_cell = place;
    return 0;
}

static void drop(struct lease *b, struct docker *d, int shelf, struct cell *c)
{
    if (shelf < 0)
        (void)cell_free(c, d);
    else
        pool_discard(b->pool, c);
}

static int open_cell(struct lease *b, const struct lease_request *o, struct lease_cell *c,
                     struct err *e)
{
    if (o->shelf->number >= 0)
        return pool_acquire(b->pool, o->shelf->number, o->memory_bytes, o->uses_max, &c->cell,
                            &c->uses, e);

    struct cell_spec spec = o->shelf->spec;
    spec.memory_bytes = o->memory_bytes;
    c->uses_max = 1;
    return cell_open(o->docker, b->host, &spec, &c->cell, e);
}

static int take(struct lease *b, struct lease_request *o, struct lease_cell *ret_cell,
                struct err *e)
{
    for (int tries = 1;; tries++) {
        struct lease_cell c = { .shelf = o->shelf->number, .uses_max = o->uses_max };
        o->stage = LEASE_ACQUIRES;
        if (open_cell(b, o, &c, e) < 0)
            return err_wrap(e, "take a cell");
        o->stage = LEASE_LIMITS;
        if (cell_set_memory(c.cell, o->docker, o->memory_bytes, e) == 0) {
            o->stage = LEASE_USES;
            *ret_cell = c;
            return 0;
        }
        /* A used cell may hold more than the new limit; a fresh one does not. */
        drop(b, o->docker, c.shelf, c.cell);
        if (tries == TAKES_MAX || e->kind != ERR_CELL)
            return -1;
    }
}

static int take_and_hold(struct lease *b, struct lease_request *o, struct lease_cell **ret_cell,
                         struct err *e)
{
    struct lease_cell c;

    if (take(b, o, &c, e) < 0)
        return -1;
    if (hold(b, &c, ret_cell, e) == 0)
        return 0;
    drop(b, o->docker, c.shelf, c.cell);
    return -1;
}

static void *ahead_main(void *arg)
{
    struct lease *b = arg;
    struct lease_prefetch_state *a = &b->ahead;

    a->rc = take_and_hold(b, &a->order, &a->cell, &a->err);
    return NULL;
}

void lease_prefetch(struct lease *b, const struct lease_class *shelf, int64_t memory_bytes,
                    int uses_max)
{
    struct lease_prefetch_state *a = &b->ahead;

    join_ahead(b);
    a->order.shelf = shelf;
    a->order.memory_bytes = memory_bytes;
    a->order.uses_max = uses_max;
    /* Without a thread lease_acquire() does it all. */
    a->pending = pthread_create(&a->thread, NULL, ahead_main, b) == 0;
}

int lease_acquire(struct lease *b, const struct lease_class *shelf, int64_t memory_bytes,
                  int uses_max, struct lease_cell **ret_cell, struct err *e)
{
    struct lease_prefetch_state *a = &b->ahead;
    struct lease_request o = {
        .docker = b->docker, .shelf = shelf, .memory_bytes = memory_bytes, .uses_max = uses_max
    };
    struct lease_cell *cell = NULL;
    int rc;

    if (a->pending && a->order.shelf == shelf && a->order.memory_bytes == memory_bytes) {
        join_ahead(b);
        b->stage = a->order.stage;
        cell = a->cell;
        rc = a->rc < 0 ? err_set(e, a->err.kind, "%s", a->err.msg) : 0;
    } else {
        rc = take_and_hold(b, &o, &cell, e);
        b->stage = o.stage;
    }
    if (rc < 0)
        return -1;
    cell->used = true;
    *ret_cell = cell;
    return 0;
}

void lease_release(struct lease *b, struct lease_cell *c)
{
    struct err e;
    bool unused = !c->used && c->shelf >= 0; /* taken ahead, but nothing was built for it */
    bool clean =
        unused || (!c->dead && c->uses + 1 < c->uses_max && cell_verify_clean(c->cell, &e) == 0);

    /* lease_abort() has reached every cell that was here, and none that has left: from now on it
     * cannot reach this one, so whether it did is known. */
    (void)pthread_mutex_lock(&b->lock);
    bool keep = clean && !b->aborted;
    struct lease_cell done = *c;
    *c = (struct lease_cell){ .cell = NULL };
    (void)pthread_mutex_unlock(&b->lock);
    if (keep)
        pool_release(b->pool, done.shelf, done.cell, done.uses + (unused ? 0 : 1));
    else
        drop(b, b->docker, done.shelf, done.cell);
}

void lease_until(struct lease *b, int64_t deadline_ns)
{
    docker_until(b->docker, deadline_ns);
    docker_until(b->ahead.order.docker, deadline_ns);
}

bool lease_is_aborted(struct lease *b)
{
    (void)pthread_mutex_lock(&b->lock);
    bool aborted = b->aborted;
    (void)pthread_mutex_unlock(&b->lock);
    return aborted;
}

bool lease_abort(struct lease *b, int64_t seq)
{
    (void)pthread_mutex_lock(&b->lock);
    bool here = b->seq != 0 && (seq == 0 || b->seq == seq);
    b->aborted = b->aborted || here;
    for (size_t i = 0; i < LEASE_CELLS_MAX && here; i++)
        if (b->cells[i].cell)
            cell_abort(b->cells[i].cell);
    (void)pthread_mutex_unlock(&b->lock);
    return here;
}
