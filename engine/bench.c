#include "engine/bench.h"

#include "engine/docker.h"
#include "engine/engine.h"
#include "engine/pool.h"

#define TAKES_MAX 3 /* cells tried before a refused memory limit counts as a fault */

int bench_init(struct bench *b, const struct engine_config *config, const struct cell_host *host,
               struct err *e)
{
    *b = (struct bench){ .config = config, .host = host };
    if (docker_open(config->docker_host, &b->docker, e) < 0)
        return -1;
    if (docker_open(config->docker_host, &b->ahead.docker, e) < 0) {
        b->docker = docker_free(b->docker);
        return -1;
    }
    (void)pthread_mutex_init(&b->lock, NULL);
    return 0;
}

void bench_clear(struct bench *b)
{
    if (!b->docker)
        return;
    b->docker = docker_free(b->docker);
    b->ahead.docker = docker_free(b->ahead.docker);
    (void)pthread_mutex_destroy(&b->lock);
}

void bench_begin(struct bench *b, struct pool *pool, int64_t seq)
{
    (void)pthread_mutex_lock(&b->lock);
    b->pool = pool;
    b->seq = seq;
    b->aborted = false;
    (void)pthread_mutex_unlock(&b->lock);
}

static void join_ahead(struct bench *b)
{
    if (b->ahead.pending)
        (void)pthread_join(b->ahead.thread, NULL);
    b->ahead.pending = false;
}

void bench_end(struct bench *b)
{
    join_ahead(b);
    for (size_t i = 0; i < BENCH_CELLS; i++)
        if (b->cells[i].cell)
            bench_put(b, &b->cells[i]);
    (void)pthread_mutex_lock(&b->lock);
    b->seq = 0;
    (void)pthread_mutex_unlock(&b->lock);
}

/* From here on bench_abort() reaches the cell. */
static int hold(struct bench *b, const struct bench_cell *taken, struct bench_cell **ret_cell,
                struct err *e)
{
    struct bench_cell *place = NULL;

    (void)pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < BENCH_CELLS && !b->aborted; i++)
        place = !place && !b->cells[i].cell ? &b->cells[i] : place;
    bool aborted = b->aborted;
    if (place)
        *place = *taken;
    (void)pthread_mutex_unlock(&b->lock);

    if (aborted)
        return err_set(e, ERR_CANCELLED, "stopped before it ran");
    if (!place)
        return err_set(e, ERR_BUG, "more than %d cells on one bench", BENCH_CELLS);
    *ret_cell = place;
    return 0;
}

static void drop(struct bench *b, struct docker *d, int shelf, struct cell *c)
{
    if (shelf < 0)
        (void)cell_free(c, d);
    else
        pool_drop(b->pool, c);
}

static int open_cell(struct bench *b, struct docker *d, const struct bench_shelf *shelf,
                     int64_t memory_bytes, struct bench_cell *c, struct err *e)
{
    if (shelf->number >= 0)
        return pool_take(b->pool, shelf->number, memory_bytes, c->uses_max, &c->cell, &c->uses, e);

    struct cell_spec spec = shelf->spec;
    spec.memory_bytes = memory_bytes;
    c->uses_max = 1;
    return cell_open(d, b->host, &spec, &c->cell, e);
}

/* Whoever takes brings the Docker handle of its own thread, and c with shelf and uses_max. */
static int take(struct bench *b, struct docker *d, const struct bench_shelf *shelf,
                int64_t memory_bytes, struct bench_cell *c, struct err *e)
{
    for (int tries = 1;; tries++) {
        if (open_cell(b, d, shelf, memory_bytes, c, e) < 0)
            return err_wrap(e, "take a cell");
        if (cell_set_memory(c->cell, d, memory_bytes, e) == 0)
            return 0;
        /* A used cell may hold more than the new limit; a fresh one does not. */
        drop(b, d, c->shelf, c->cell);
        if (tries == TAKES_MAX || e->kind != ERR_CELL)
            return -1;
    }
}

static void *ahead_main(void *arg)
{
    struct bench *b = arg;
    struct bench_ahead *a = &b->ahead;
    struct bench_cell c = { .shelf = a->shelf->number, .uses_max = a->uses_max };

    a->rc = take(b, a->docker, a->shelf, a->memory_bytes, &c, &a->err);
    if (a->rc == 0 && (a->rc = hold(b, &c, &a->cell, &a->err)) < 0)
        drop(b, a->docker, c.shelf, c.cell);
    return NULL;
}

void bench_take_ahead(struct bench *b, const struct bench_shelf *shelf, int64_t memory_bytes,
                      int uses_max)
{
    struct bench_ahead *a = &b->ahead;

    join_ahead(b);
    a->shelf = shelf;
    a->memory_bytes = memory_bytes;
    a->uses_max = uses_max;
    /* Without a thread bench_take() does it all. */
    a->pending = pthread_create(&a->thread, NULL, ahead_main, b) == 0;
}

int bench_take(struct bench *b, const struct bench_shelf *shelf, int64_t memory_bytes, int uses_max,
               struct bench_cell **ret_cell, struct err *e)
{
    struct bench_ahead *a = &b->ahead;

    if (a->pending && a->shelf == shelf && a->memory_bytes == memory_bytes) {
        join_ahead(b);
        if (a->rc < 0) {
            *e = a->err;
            return -1;
        }
        a->cell->used = true;
        *ret_cell = a->cell;
        return 0;
    }
    struct bench_cell c = { .shelf = shelf->number, .uses_max = uses_max, .used = true };
    if (take(b, b->docker, shelf, memory_bytes, &c, e) < 0)
        return -1;
    if (hold(b, &c, ret_cell, e) < 0) {
        drop(b, b->docker, c.shelf, c.cell);
        return -1;
    }
    return 0;
}

void bench_put(struct bench *b, struct bench_cell *c)
{
    struct err e;
    bool unused = !c->used && c->shelf >= 0; /* taken ahead, but nothing was built for it */
    bool keep = unused || (!c->spent && c->uses + 1 < c->uses_max && cell_prove(c->cell, &e) == 0);

    (void)pthread_mutex_lock(&b->lock);
    struct bench_cell done = *c;
    *c = (struct bench_cell){ .cell = NULL };
    (void)pthread_mutex_unlock(&b->lock);
    if (keep)
        pool_put(b->pool, done.shelf, done.cell, done.uses + (unused ? 0 : 1));
    else
        drop(b, b->docker, done.shelf, done.cell);
}

bool bench_abort(struct bench *b, int64_t seq)
{
    (void)pthread_mutex_lock(&b->lock);
    bool here = b->seq != 0 && (seq == 0 || b->seq == seq);
    b->aborted = b->aborted || here;
    for (size_t i = 0; i < BENCH_CELLS && here; i++)
        if (b->cells[i].cell)
            cell_abort(b->cells[i].cell);
    (void)pthread_mutex_unlock(&b->lock);
    return here;
}
