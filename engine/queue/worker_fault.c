#include "engine/queue/worker_fault.h"

#include "schema/base/base.h"

/* What broke: groups of error kinds with the same meaning in every stage. */
enum cause { STOPPED, CELL, LANGUAGE, HOST, DOCKER_AWAY, CAUSE_COUNT };

/* The action for each stage and cause. */
static const struct stage {
    const char *name;
    enum worker_action actions[CAUSE_COUNT];
    enum worker_action own; /* for a host fault that this submission seems to cause */
} stages[WORKER_STAGE_COUNT] = {
    [WORKER_READS] = {
        .name = "read",
        .actions = {
            [STOPPED] = WORKER_REQUEUE,
            [CELL] = WORKER_END,        /* no cell is in use: the row is damaged */
            [LANGUAGE] = WORKER_END,    /* nor is an image */
            [HOST] = WORKER_HOST_FAULT, /* a disk may recover */
            [DOCKER_AWAY] = WORKER_END, /* nor is Docker */
        },
        .own = WORKER_END, /* others could be read meanwhile: the row is damaged */
    },
    [WORKER_PREPARES] = {
        .name = "prepare",
        .actions = {
            [STOPPED] = WORKER_REQUEUE,
            [CELL] = WORKER_COUNT,        /* no cell was requested: the source is the cause */
            [LANGUAGE] = WORKER_COUNT,    /* no image was used either */
            [HOST] = WORKER_HOST_FAULT,   /* memory may be free later */
            [DOCKER_AWAY] = WORKER_COUNT, /* nor was Docker */
        },
        .own = WORKER_COUNT, /* the size of its source may be the cause */
    },
    /* The submission cannot be the cause, so nothing is counted: otherwise a host that is broken
     * for a while would use up the attempts of everything that waits. */
    [WORKER_ACQUIRES] = {
        .name = "acquire",
        .actions = {
            [STOPPED] = WORKER_REQUEUE,
            [CELL] = WORKER_UNAVAILABLE,     /* no cell of this language can be created */
            [LANGUAGE] = WORKER_UNAVAILABLE, /* its image is missing */
            [HOST] = WORKER_PAUSE,           /* no cell of any language can be created */
            [DOCKER_AWAY] = WORKER_PAUSE,    /* the same */
        },
        .own = WORKER_PAUSE, /* never used */
    },
    [WORKER_LIMITS] = {
        .name = "limit",
        .actions = {
            [STOPPED] = WORKER_REQUEUE,
            [CELL] = WORKER_COUNT,             /* the memory it needs may be the cause */
            [LANGUAGE] = WORKER_UNAVAILABLE,   /* its image is missing, which it cannot cause */
            [HOST] = WORKER_HOST_FAULT,        /* any other would fail too */
            [DOCKER_AWAY] = WORKER_HOST_FAULT, /* the same */
        },
        .own = WORKER_COUNT, /* the memory it needs may be the cause */
    },
    [WORKER_JUDGES] = {
        .name = "judge",
        .actions = {
            [STOPPED] = WORKER_REQUEUE,
            [CELL] = WORKER_COUNT,             /* its compiler or program may have broken it */
            [LANGUAGE] = WORKER_UNAVAILABLE,   /* its image is missing, which it cannot cause */
            [HOST] = WORKER_HOST_FAULT,        /* any other would fail too */
            [DOCKER_AWAY] = WORKER_HOST_FAULT, /* the same */
        },
        .own = WORKER_COUNT, /* its program may be what breaks the host */
    },
};

/* No default: a new kind of error must be added here. */
static enum cause cause_of(const struct worker_fault *fault)
{
    switch (fault->kind) {
    case ERR_IMAGE:
        return LANGUAGE;
    case ERR_CANCELLED: /* not by us: treated as a fault, so that it is not tried for ever */
        return fault->aborted ? STOPPED : HOST;
    case ERR_DISK:
    case ERR_HOST:
    case ERR_NOMEM:
        return HOST;
    case ERR_NONE:
    case ERR_BUG:
    case ERR_SYNTAX:
    case ERR_INPUT:
    case ERR_NOT_FOUND:
    case ERR_CONFLICT:
    case ERR_FINAL:
    case ERR_QUEUE_FULL:
    case ERR_SETTING:
    case ERR_PLATFORM:
    case ERR_UNAVAILABLE:
    case ERR_DOCKER:
    case ERR_CELL:
    case ERR_TIMEOUT:
    case ERR_AGAIN:
    case ERR_KIND_COUNT:
        break;
    }
    return fault->docker_answers ? CELL : DOCKER_AWAY;
}

/* A database that does not answer says nothing about the row. */
static bool is_table_away(const struct worker_fault *fault)
{
    return fault->stage == WORKER_READS && (fault->kind == ERR_UNAVAILABLE ||
                                            fault->kind == ERR_TIMEOUT || fault->kind == ERR_AGAIN);
}

enum worker_action worker_fault(const struct worker_fault *fault)
{
    if (is_table_away(fault))
        return WORKER_PAUSE;
    return stages[fault->stage].actions[cause_of(fault)];
}

bool worker_fault_needs_ping(enum worker_stage stage, enum err_kind kind)
{
    const struct worker_fault fault = { .stage = stage, .kind = kind, .docker_answers = false };
    const enum worker_action *actions = stages[stage].actions;

    return cause_of(&fault) == DOCKER_AWAY && actions[DOCKER_AWAY] != actions[CELL];
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

static size_t find_row_locked(const struct worker_host_faults *h, int64_t seq)
{
    size_t i = 0;
    while (i < WORKER_HOST_ROWS && h->rows[i].seq != seq)
        i++;
    return i;
}

enum worker_action worker_fault_host(struct worker_host_faults *h, enum worker_stage stage,
                                     int64_t seq, int64_t faults)
{
    enum worker_action action = WORKER_HOST_FAULT;

    (void)pthread_mutex_lock(&h->lock);
    size_t i = find_row_locked(h, seq);
    if (i == WORKER_HOST_ROWS) {
        i = h->next;
        h->next = (h->next + 1) % WORKER_HOST_ROWS;
        h->rows[i].seq = seq;
    } else if (h->judged > h->rows[i].judged) {
        action = stages[stage].own;
    }
    h->rows[i].judged = h->judged;
    (void)pthread_mutex_unlock(&h->lock);
    return faults < WORKER_HOST_FAULTS_MAX ? action : WORKER_END;
}
