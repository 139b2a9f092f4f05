#include "engine/pool/lease.h"

#include "engine/docker/docker.h"
#include "engine/engine_config.h"
#include "engine/pool/permits.h"
#include "engine/pool/pool.h"
#include "schema/base/clock.h"
#include "schema/base/thread.h"

#define TRIES_MAX    3  /* cells tried before a refused memory limit is an error */
#define OWN_USES_MAX 16 /* of a cell without a class */

int lease_init(struct lease *lease, const struct engine_config *config,
               const struct cell_host *host, struct err *e)
{
    *lease = (struct lease){ .config = config, .host = host };
    if (docker_open(config->docker_host, &lease->docker, e) < 0)
        return -1;
    if (docker_open(config->docker_host, &lease->prefetch.request.docker, e) < 0) {
        lease->docker = docker_free(lease->docker);
        return -1;
    }
    (void)pthread_mutex_init(&lease->lock, NULL);
    clock_cond_init(&lease->prefetch.end);
    return 0;
}

void lease_clear(struct lease *lease)
{
    if (!lease->docker)
        return;
    lease->docker = docker_free(lease->docker);
    lease->prefetch.request.docker = docker_free(lease->prefetch.request.docker);
    lease_rest(lease);
    (void)pthread_cond_destroy(&lease->prefetch.end);
    (void)pthread_mutex_destroy(&lease->lock);
}

void lease_begin(struct lease *lease, struct pool *pool, int64_t seq)
{
    (void)pthread_mutex_lock(&lease->lock);
    lease->pool = pool;
    lease->stage = LEASE_IDLE;
    lease->seq = seq;
    lease->aborted = false;
    (void)pthread_mutex_unlock(&lease->lock);
    if (lease->permits && !lease->has_permit)
        permits_take(lease->permits);
    lease->has_permit = lease->permits;
}

void lease_rest(struct lease *lease)
{
    if (lease->has_permit)
        permits_give(lease->permits);
    lease->has_permit = false;
}

static void join_prefetch(struct lease *lease)
{
    if (lease->prefetch.pending)
        (void)pthread_join(lease->prefetch.thread, NULL);
    lease->prefetch.pending = false;
}

void lease_end(struct lease *lease)
{
    join_prefetch(lease);
    for (size_t i = 0; i < LEASE_CELLS_MAX; i++) {
        struct lease_cell *c = &lease->cells[i];
        c->dead = c->dead || c->class_number < 0; /* is not kept any longer */
        if (c->cell)
            lease_release(lease, c);
    }
    (void)pthread_mutex_lock(&lease->lock);
    lease->seq = 0;
    (void)pthread_mutex_unlock(&lease->lock);
}

/* Puts the cell into a free place, from where lease_abort() reaches it. */
static int hold_cell(struct lease *lease, const struct lease_cell *acquired,
                     struct lease_cell **ret_cell, struct err *e)
{
    struct lease_cell *place = NULL;

    (void)pthread_mutex_lock(&lease->lock);
    for (size_t i = 0; i < LEASE_CELLS_MAX && !lease->aborted; i++)
        place = !place && !lease->cells[i].cell ? &lease->cells[i] : place;
    bool aborted = lease->aborted;
    if (place)
        *place = *acquired;
    (void)pthread_mutex_unlock(&lease->lock);

    if (aborted)
        return err_set(e, ERR_CANCELLED, "stopped before it ran");
    if (!place)
        return err_set(e, ERR_BUG, "more than %d cells in one lease", LEASE_CELLS_MAX);
    *ret_cell = place;
    return 0;
}

static void discard_cell(struct lease *lease, int class_number, struct cell *c)
{
    if (class_number < 0)
        pool_remove(lease->pool, c);
    else
        pool_discard(lease->pool, c);
}

/* False: none of this class is kept. */
static bool take_kept(struct lease *lease, const struct lease_class *cell_class,
                      struct lease_cell *ret_cell)
{
    struct lease_cell *found = NULL;

    (void)pthread_mutex_lock(&lease->lock);
    for (size_t i = 0; i < LEASE_CELLS_MAX && !found; i++)
        if (lease->cells[i].kept && lease->cells[i].cell_class == cell_class &&
            cell_alive(lease->cells[i].cell))
            found = &lease->cells[i];
    if (found) {
        *ret_cell = *found;
        ret_cell->kept = false;
        *found = (struct lease_cell){ .cell = NULL };
    }
    (void)pthread_mutex_unlock(&lease->lock);
    return found;
}

static int open_own(struct lease *lease, const struct lease_request *request, struct lease_cell *c,
                    struct err *e)
{
    struct cell_spec spec = request->cell_class->spec;

    if (take_kept(lease, request->cell_class, c))
        return 0;
    spec.memory_bytes = request->memory_bytes;
    c->uses_max = spec.volume_writable || spec.resident_argv ? 1 : OWN_USES_MAX;
    return cell_open(request->docker, lease->host, &spec, &c->cell, e);
}

static int open_or_acquire(struct lease *lease, const struct lease_request *request,
                           struct lease_cell *c, struct err *e)
{
    c->cell_class = request->cell_class;
    return request->cell_class->number < 0
               ? open_own(lease, request, c, e)
               : pool_acquire(lease->pool, request->cell_class->number, request->memory_bytes,
                              request->uses_max, &c->cell, &c->uses, e);
}

static int acquire_with_memory(struct lease *lease, struct lease_request *request,
                               struct lease_cell *ret_cell, struct err *e)
{
    for (int tries = 1;; tries++) {
        struct lease_cell c = { .class_number = request->cell_class->number,
                                .uses_max = request->uses_max };
        request->stage = LEASE_ACQUIRES;
        if (open_or_acquire(lease, request, &c, e) < 0)
            return err_wrap(e, "acquire a cell");
        request->stage = LEASE_LIMITS;
        if (cell_set_memory(c.cell, request->docker, request->memory_bytes, e) == 0) {
            request->stage = LEASE_USES;
            *ret_cell = c;
            return 0;
        }
        /* A used cell may use more memory than the new limit; a new one does not. */
        discard_cell(lease, c.class_number, c.cell);
        if (tries == TRIES_MAX || e->kind != ERR_CELL)
            return -1;
    }
}

static int acquire_and_hold(struct lease *lease, struct lease_request *request,
                            struct lease_cell **ret_cell, struct err *e)
{
    struct lease_cell c;

    if (acquire_with_memory(lease, request, &c, e) < 0)
        return -1;
    if (hold_cell(lease, &c, ret_cell, e) == 0)
        return 0;
    discard_cell(lease, c.class_number, c.cell);
    return -1;
}

static void *prefetch_main(void *arg)
{
    struct lease *lease = arg;
    struct lease_prefetch_state *prefetch = &lease->prefetch;

    thread_name("prefetch");
    prefetch->rc = acquire_and_hold(lease, &prefetch->request, &prefetch->cell, &prefetch->err);
    (void)pthread_mutex_lock(&lease->lock);
    prefetch->ended = true;
    (void)pthread_cond_signal(&prefetch->end);
    (void)pthread_mutex_unlock(&lease->lock);
    return NULL;
}

void lease_prefetch(struct lease *lease, const struct lease_class *cell_class, int64_t memory_bytes,
                    int uses_max)
{
    struct lease_prefetch_state *prefetch = &lease->prefetch;

    join_prefetch(lease);
    prefetch->request.cell_class = cell_class;
    prefetch->request.memory_bytes = memory_bytes;
    prefetch->request.uses_max = uses_max;
    prefetch->ended = false;
    /* If no thread starts, lease_acquire() does all. */
    prefetch->pending = pthread_create(&prefetch->thread, NULL, prefetch_main, lease) == 0;
}

bool lease_prefetched(struct lease *lease, int64_t until_ns)
{
    struct lease_prefetch_state *prefetch = &lease->prefetch;

    if (!prefetch->pending)
        return false;
    (void)pthread_mutex_lock(&lease->lock);
    while (!prefetch->ended && clock_cond_wait(&prefetch->end, &lease->lock, until_ns))
        ;
    bool ended = prefetch->ended;
    (void)pthread_mutex_unlock(&lease->lock);
    return ended;
}

int lease_acquire(struct lease *lease, const struct lease_class *cell_class, int64_t memory_bytes,
                  int uses_max, struct lease_cell **ret_cell, struct err *e)
{
    struct lease_prefetch_state *prefetch = &lease->prefetch;
    struct lease_request request = { .docker = lease->docker,
                                     .cell_class = cell_class,
                                     .memory_bytes = memory_bytes,
                                     .uses_max = uses_max };
    struct lease_cell *cell = NULL;
    int rc;

    if (prefetch->pending && prefetch->request.cell_class == cell_class &&
        prefetch->request.memory_bytes == memory_bytes) {
        join_prefetch(lease);
        lease->stage = prefetch->request.stage;
        cell = prefetch->cell;
        rc = prefetch->rc < 0 ? err_set(e, prefetch->err.kind, "%s", prefetch->err.msg) : 0;
    } else {
        rc = acquire_and_hold(lease, &request, &cell, e);
        lease->stage = request.stage;
    }
    if (rc < 0)
        return -1;
    cell->used = true;
    *ret_cell = cell;
    return 0;
}

void lease_release(struct lease *lease, struct lease_cell *c)
{
    struct err e;
    bool unused = !c->used && c->class_number >= 0; /* prefetched, but never asked for */
    bool usable = !c->dead && c->uses + 1 < c->uses_max;
    /* A resident program is in its cell, which is why that cannot be verified. */
    bool clean =
        unused || (usable && (cell_is_resident(c->cell) || cell_verify_clean(c->cell, &e) == 0));

    /* lease_abort() reaches every cell that is in a place. Under this lock the cell leaves its
     * place, so `aborted` shows for good whether it was reached. */
    (void)pthread_mutex_lock(&lease->lock);
    bool keep = clean && !lease->aborted;
    struct lease_cell done = *c;
    c->kept = keep && c->class_number < 0;
    if (c->kept)
        c->uses++;
    else
        *c = (struct lease_cell){ .cell = NULL };
    (void)pthread_mutex_unlock(&lease->lock);
    if (keep && done.class_number < 0)
        return;
    if (keep)
        pool_release(lease->pool, done.class_number, done.cell, done.uses + (unused ? 0 : 1));
    else
        discard_cell(lease, done.class_number, done.cell);
}

void lease_until(struct lease *lease, int64_t deadline_ns)
{
    docker_until(lease->docker, deadline_ns);
    docker_until(lease->prefetch.request.docker, deadline_ns);
}

bool lease_is_aborted(struct lease *lease)
{
    (void)pthread_mutex_lock(&lease->lock);
    bool aborted = lease->aborted;
    (void)pthread_mutex_unlock(&lease->lock);
    return aborted;
}

bool lease_abort(struct lease *lease, int64_t seq)
{
    (void)pthread_mutex_lock(&lease->lock);
    bool here = lease->seq != 0 && (seq == 0 || lease->seq == seq);
    lease->aborted = lease->aborted || here;
    for (size_t i = 0; i < LEASE_CELLS_MAX && here; i++)
        if (lease->cells[i].cell)
            cell_abort(lease->cells[i].cell);
    (void)pthread_mutex_unlock(&lease->lock);
    return here;
}
