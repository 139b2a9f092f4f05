#include "engine/queue/worker_fault.h"

#include "schema/base/base.h"

/* Kinds that mean the same everywhere share a column. */
enum column { OWN_CELL, LANGUAGE, HOST, DOCKER_AWAY, COLUMNS };

static const struct {
    const char *name;
    enum worker_action actions[COLUMNS];
} stages[WORKER_STAGE_COUNT] = {
    /*                     its cell             its language         this host          Docker */
    [WORKER_READS] = { "read", { WORKER_END, WORKER_END, WORKER_HOST_FAULT, WORKER_END } },
    [WORKER_PREPARES] = { "prepare",
                          { WORKER_COUNT, WORKER_COUNT, WORKER_HOST_FAULT, WORKER_COUNT } },
    /* Not its doing, whatever it is: nothing of it is counted, or a host that is ill for a while
     * would use up the attempts of everything that waits. */
    [WORKER_ACQUIRES] = { "acquire",
                          { WORKER_UNAVAILABLE, WORKER_UNAVAILABLE, WORKER_PAUSE, WORKER_PAUSE } },
    [WORKER_LIMITS] = { "limit",
                        { WORKER_COUNT, WORKER_UNAVAILABLE, WORKER_HOST_FAULT,
                          WORKER_HOST_FAULT } },
    [WORKER_JUDGES] = { "judge",
                        { WORKER_COUNT, WORKER_UNAVAILABLE, WORKER_HOST_FAULT,
                          WORKER_HOST_FAULT } },
};

static enum column column_of(const struct worker_fault *f)
{
    switch (f->kind) {
    case ERR_IMAGE:
        return LANGUAGE;
    case ERR_DISK:
    case ERR_HOST:
    case ERR_NOMEM:
    case ERR_CANCELLED: /* stopped, and not by us: whatever it was, it must not go on for ever */
        return HOST;
    default:
        return f->docker_answers ? OWN_CELL : DOCKER_AWAY;
    }
}

enum worker_action worker_fault(const struct worker_fault *f)
{
    if (f->kind == ERR_CANCELLED && f->aborted)
        return WORKER_REQUEUE;
    return stages[f->stage].actions[column_of(f)];
}

bool worker_fault_asks(enum worker_stage stage, enum err_kind kind)
{
    const struct worker_fault f = { .stage = stage, .kind = kind, .docker_answers = false };
    const enum worker_action *actions = stages[stage].actions;

    return column_of(&f) == DOCKER_AWAY && actions[DOCKER_AWAY] != actions[OWN_CELL];
}

const char *worker_fault_stage(enum worker_stage stage) { return stages[stage].name; }

/* ---- host faults of one submission ---- */

void worker_fault_open(struct worker_host_faults *h)
{
    *h = (struct worker_host_faults){ .judged = 0 };
    (void)pthread_mutex_init(&h->lock, NULL);
}

void worker_fault_close(struct worker_host_faults *h) { (void)pthread_mutex_destroy(&h->lock); }

void worker_fault_judged(struct worker_host_faults *h)
{
    (void)pthread_mutex_lock(&h->lock);
    h->judged++;
    (void)pthread_mutex_unlock(&h->lock);
}

static size_t find_locked(const struct worker_host_faults *h, const void *table, int64_t seq)
{
    size_t i = 0;
    while (i < WORKER_HOST_ROWS && (h->rows[i].table != table || h->rows[i].seq != seq))
        i++;
    return i;
}

enum worker_action worker_fault_host(struct worker_host_faults *h, const void *table, int64_t seq)
{
    enum worker_action action = WORKER_HOST_FAULT;

    (void)pthread_mutex_lock(&h->lock);
    size_t i = find_locked(h, table, seq);
    if (i == WORKER_HOST_ROWS) {
        i = h->next;
        h->next = (h->next + 1) % WORKER_HOST_ROWS;
        h->rows[i].table = table;
        h->rows[i].seq = seq;
        h->rows[i].faults = 0;
    } else if (h->judged > h->rows[i].judged) {
        action = WORKER_COUNT;
    }
    h->rows[i].judged = h->judged;
    if (++h->rows[i].faults >= WORKER_HOST_FAULTS_MAX)
        action = WORKER_END;
    (void)pthread_mutex_unlock(&h->lock);
    return action;
}
