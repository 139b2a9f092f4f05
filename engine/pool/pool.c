#include "engine/pool/pool.h"

#include <pthread.h>
#include <string.h>

#include "engine/pool/pool_budget.h"
#include "engine/pool/pool_class.h"
#include "engine/pool/pool_leased.h"
#include "engine/pool/pool_removal.h"
#include "engine/pool/pool_thread.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

#define SHELVES_MAX  256
#define TICK_NS      NS_PER_S        /* how often idle cells are looked at */
#define QUIET_NS     (60 * NS_PER_S) /* without a wait: one idle cell less */
#define PROVEN_NS    (10 * NS_PER_S) /* an idle cell of this age is no stillbirth */
#define BACKOFF_MAX  (30 * NS_PER_S)
#define BACKOFF_AWAY (2 * NS_PER_S) /* asking a Docker that is away costs nothing */
#define THREADS_MAX  16

/* One lock, held for moments and never over a call to Docker. */
struct pool {
    struct pool_config config;
    struct pool_thread makers[THREADS_MAX], removers[THREADS_MAX];
    int threads; /* of each kind */

    pthread_mutex_t lock;
    pthread_cond_t work;   /* for makers */
    pthread_cond_t litter; /* for removers */
    bool stopping;         /* guarded by lock, as is all below */
    bool makers_gone;
    struct pool_class *shelves[SHELVES_MAX]; /* owned */
    int shelves_len;
    uint64_t uses; /* calls of pool_acquire() */
    struct pool_removal gone;
    int64_t deadline;           /* of the end, clock_mono_ns() */
    struct pool_leased *leased; /* owned */
    int64_t tick_at;
    struct pool_stats stats; /* idle and removing are not kept here: their lists know */
};

static int64_t most_idle(const struct pool *p)
{
    return p->config.parallel > 1 ? p->config.parallel : 1;
}

static struct pool_budget budget_of(const struct pool *p)
{
    return (struct pool_budget){ .classes = p->shelves,
                                 .classes_len = p->shelves_len,
                                 .most = pool_budget_most(most_idle(p)) };
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- what goes ---- */

static void drop_locked(struct pool *p, struct cell *c)
{
    if (pool_removal_add(&p->gone, c))
        (void)pthread_cond_signal(&p->litter);
    else
        (void)cell_free(c, NULL); /* its agent ends; a sweep takes the rest */
}

static void remove_locked(struct pool *p, struct pool_removal_cell *g, struct docker *d)
{
    bool ending = p->makers_gone;
    int64_t deadline = p->deadline;

    (void)pthread_mutex_unlock(&p->lock);
    pool_removal_try(g, d, deadline, ending);
    (void)pthread_mutex_lock(&p->lock);
    pool_removal_done(&p->gone, g);
    (void)pthread_cond_signal(&p->work); /* a maker may have waited for this */
}

static void *remover_main(void *arg)
{
    struct pool_thread *t = arg;
    struct pool *p = t->pool;

    (void)pthread_mutex_lock(&p->lock);
    for (;;) {
        struct pool_removal_cell *g = pool_removal_next(&p->gone, clock_mono_ns(), p->makers_gone);
        int64_t due = pool_removal_due(&p->gone);
        if (g)
            remove_locked(p, g, t->docker);
        else if (p->makers_gone)
            break;
        else if (due < INT64_MAX)
            (void)clock_cond_wait(&p->litter, &p->lock, due);
        else
            (void)pthread_cond_wait(&p->litter, &p->lock);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- what comes ---- */

static void shelve_locked(struct pool *p, struct pool_class *s, struct cell *c, int uses)
{
    bool wanted = s->users > 0 || s->waiting > 0;
    const struct pool_budget b = budget_of(p);

    if (p->stopping || !wanted || !cell_alive(c) || !pool_class_push(s, c, uses)) {
        drop_locked(p, c);
        return;
    }
    struct pool_class *excess = pool_budget_excess(&b);
    if (excess)
        drop_locked(p, pool_class_pull(excess, 0).cell);
}

static void bury_dead_locked(struct pool *p, struct pool_class *s, int64_t now)
{
    for (int64_t i = s->idle_len - 1; i >= 0; i--) {
        if (cell_alive(s->idle[i].cell)) {
            if (now - s->idle[i].since_ns > PROVEN_NS)
                s->failures = s->failing ? s->failures : 0;
            continue;
        }
        drop_locked(p, pool_class_pull(s, i).cell);
        p->stats.died++;
        pool_class_back_off(s, now, BACKOFF_MAX);
    }
}

/* Once a second: the dead are replaced, and a shelf that nobody waits for shrinks. */
static void tend_locked(struct pool *p, int64_t now)
{
    if (now < p->tick_at)
        return;
    p->tick_at = now + TICK_NS;
    for (int i = 0; i < p->shelves_len; i++) {
        struct pool_class *s = p->shelves[i];
        bury_dead_locked(p, s, now);
        if (now - s->quiet_since_ns < QUIET_NS)
            continue;
        s->quiet_since_ns = now;
        if (s->target > 1)
            s->target--;
        if (s->idle_len > s->target)
            drop_locked(p, pool_class_pull(s, 0).cell);
    }
}

/* The shelf that lacks a cell most; those with somebody waiting come first. */
static struct pool_class *neediest_locked(struct pool *p, int64_t now)
{
    struct pool_class *best = NULL;
    int64_t most = 0;

    if (p->gone.len - p->gone.stuck_len > 4 * most_idle(p) + 8)
        return NULL; /* let the removers catch up: what is being removed takes memory too */
    for (int i = 0; i < p->shelves_len; i++) {
        struct pool_class *s = p->shelves[i];
        int64_t lack = pool_class_lacks(s, now);
        if (lack > 0 && s->waiting > s->making)
            lack += SHELVES_MAX;
        if (lack > most) {
            most = lack;
            best = s;
        }
    }
    return best;
}

static void make_locked(struct pool *p, struct pool_class *s, struct docker *d)
{
    struct cell *c = NULL;
    struct err e = { .kind = ERR_NONE };

    s->making++;
    (void)pthread_mutex_unlock(&p->lock);
    int64_t began = clock_mono_ns();
    int rc = cell_open(d, p->config.host, &s->spec, &c, &e);
    (void)pthread_mutex_lock(&p->lock);
    s->making--;
    if (rc == 0) {
        s->failing = false;
        p->stats.made++;
        shelve_locked(p, s, c, 0);
        return;
    }
    if (began >= s->retry_at_ns) /* what several makers see at once is one failure */
        pool_class_back_off(s, clock_mono_ns(),
                            e.kind == ERR_UNAVAILABLE ? BACKOFF_AWAY : BACKOFF_MAX);
    s->failing = true;
    s->last = e;
    if (s->making == 0) {
        s->rounds++;
        (void)pthread_cond_broadcast(&s->ready);
    }
}

static void *maker_main(void *arg)
{
    struct pool_thread *t = arg;
    struct pool *p = t->pool;

    (void)pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        int64_t now = clock_mono_ns();
        tend_locked(p, now);
        struct pool_class *s = neediest_locked(p, now);
        if (s) {
            make_locked(p, s, t->docker);
            continue;
        }
        int64_t until = p->tick_at;
        for (int i = 0; i < p->shelves_len; i++)
            if (p->shelves[i]->retry_at_ns > now)
                until = earlier(until, p->shelves[i]->retry_at_ns);
        (void)clock_cond_wait(&p->work, &p->lock, until);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- shelves ---- */

/* A shelf that is only named takes nothing from others: who needs it has to say so. */
static void keep_first_locked(struct pool *p, struct pool_class *s)
{
    const struct pool_budget b = budget_of(p);

    (void)pool_budget_grant(&b, s);
}

/* Somebody had to wait. */
static void keep_more_locked(struct pool *p, struct pool_class *s)
{
    const struct pool_budget b = budget_of(p);

    if (s->users > 0 && s->target < s->idle_max && !pool_budget_grant(&b, s))
        (void)pool_budget_move(&b, s);
}

static int add_shelf_locked(struct pool *p, const struct cell_spec *spec, struct err *e)
{
    for (int i = 0; i < p->shelves_len; i++) {
        if (!pool_class_suits(p->shelves[i], spec))
            continue;
        p->shelves[i]->retry_at_ns = 0; /* whoever asks again has a reason: a pulled image, say */
        if (p->shelves[i]->users++ == 0)
            keep_first_locked(p, p->shelves[i]);
        return i;
    }
    if (p->shelves_len == SHELVES_MAX)
        return err_set(e, ERR_BUG, "more than %d kinds of cells", SHELVES_MAX);
    struct pool_class *s = pool_class_new(spec, most_idle(p));
    if (!s)
        return err_set(e, ERR_NOMEM, "a shelf for %.100s", spec->image);
    s->users = 1;
    p->shelves[p->shelves_len++] = s;
    keep_first_locked(p, s);
    return p->shelves_len - 1;
}

int pool_class_add(struct pool *p, const struct cell_spec *spec, struct err *e)
{
    (void)pthread_mutex_lock(&p->lock);
    int n = add_shelf_locked(p, spec, e);
    (void)pthread_cond_signal(&p->work);
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}

void pool_class_remove(struct pool *p, int shelf)
{
    (void)pthread_mutex_lock(&p->lock);
    struct pool_class *s = p->shelves[shelf];
    if (--s->users == 0) {
        s->target = 0;
        while (s->idle_len > s->waiting)
            drop_locked(p, pool_class_pull(s, 0).cell);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

/* ---- takers ---- */

static bool take_locked(struct pool *p, struct pool_class *s, int64_t memory,
                        struct pool_class_slot *ret_slot)
{
    bury_dead_locked(p, s, clock_mono_ns());
    int64_t pick = pool_class_pick(s, memory);
    if (pick < 0)
        return false;
    *ret_slot = pool_class_pull(s, pick);
    s->failures = 0;
    p->stats.taken++;
    return true;
}

/* Of failures like these nobody is spent an attempt, so a taker may hear of one at once. Any other
 * is worth a new try: else one bad moment would use up all that a submission has. */
static bool lasting(enum err_kind kind)
{
    return kind == ERR_UNAVAILABLE || kind == ERR_IMAGE || kind == ERR_DISK || kind == ERR_NOMEM;
}

static int wait_locked(struct pool *p, struct pool_class *s, int64_t memory,
                       struct pool_class_slot *ret_slot, struct err *e)
{
    uint64_t rounds = s->rounds;
    bool waited = false;

    s->used = ++p->uses;
    while (p->stopping || !take_locked(p, s, memory, ret_slot)) {
        if (p->stopping)
            return err_set(e, ERR_CANCELLED, "the pool is stopping");
        bool resting = s->failing && lasting(s->last.kind) && s->making == 0 &&
                       clock_mono_ns() < s->retry_at_ns;
        if (resting || s->rounds != rounds)
            return err_set(e, s->last.kind, "%.390s", s->last.msg);
        if (!waited)
            keep_more_locked(p, s);
        waited = true;
        s->quiet_since_ns = clock_mono_ns();
        s->waiting++;
        (void)pthread_cond_signal(&p->work);
        (void)pthread_cond_wait(&s->ready, &p->lock);
        s->waiting--;
    }
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): one more than six, whose callers have them apart */
int pool_acquire(struct pool *p, int shelf, int64_t memory_bytes, int uses_max,
                 struct cell **ret_cell, int *ret_uses, struct err *e)
{
    struct pool_class_slot slot = { 0 };
    (void)pthread_mutex_lock(&p->lock);
    int rc = shelf >= 0 && shelf < p->shelves_len
                 ? wait_locked(p, p->shelves[shelf], memory_bytes, &slot, e)
                 : err_set(e, ERR_BUG, "there is no shelf %d", shelf);
    if (rc == 0 && slot.uses < uses_max - 1)
        pool_leased_add(&p->leased, slot.cell, p->shelves[shelf]);
    (void)pthread_cond_signal(&p->work); /* its place wants to be filled */
    (void)pthread_mutex_unlock(&p->lock);
    if (rc < 0)
        return -1;
    *ret_cell = slot.cell;
    *ret_uses = slot.uses;
    return 0;
}

void pool_release(struct pool *p, int shelf, struct cell *c, int uses)
{
    (void)pthread_mutex_lock(&p->lock);
    p->stats.taken--;
    pool_leased_end(&p->leased, c);
    shelve_locked(p, p->shelves[shelf], c, uses);
    (void)pthread_mutex_unlock(&p->lock);
}

void pool_discard(struct pool *p, struct cell *c)
{
    (void)pthread_mutex_lock(&p->lock);
    p->stats.taken--;
    pool_leased_end(&p->leased, c);
    drop_locked(p, c);
    (void)pthread_cond_signal(&p->work); /* somebody may have expected it back */
    (void)pthread_mutex_unlock(&p->lock);
}

void pool_stats(struct pool *p, struct pool_stats *ret_stats)
{
    (void)pthread_mutex_lock(&p->lock);
    *ret_stats = p->stats;
    ret_stats->removing = p->gone.len;
    for (int i = 0; i < p->shelves_len; i++)
        ret_stats->idle += p->shelves[i]->idle_len;
    (void)pthread_mutex_unlock(&p->lock);
}

/* ---- its life ---- */

int pool_start(const struct pool_config *c, struct pool **ret_pool, struct err *e)
{
    CLEANUP(pool_stopp) struct pool *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(e, ERR_NOMEM, "the pool");
    p->config = *c;
    p->deadline = INT64_MAX;
    p->threads = c->creators < 1 ? 1 : c->creators > THREADS_MAX ? THREADS_MAX : c->creators;
    (void)pthread_mutex_init(&p->lock, NULL);
    clock_cond_init(&p->work);
    clock_cond_init(&p->litter);
    for (int i = 0; i < p->threads; i++)
        if (pool_thread_start(&p->makers[i], p, c->docker_host, maker_main, e) < 0 ||
            pool_thread_start(&p->removers[i], p, c->docker_host, remover_main, e) < 0)
            return -1;
    *ret_pool = TAKE(p);
    return 0;
}

static void empty_locked(struct pool *p)
{
    for (int i = 0; i < p->shelves_len; i++)
        while (p->shelves[i]->idle_len > 0)
            drop_locked(p, pool_class_pull(p->shelves[i], 0).cell);
}

void pool_close(struct pool *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->stopping = true;
    empty_locked(p);
    for (int i = 0; i < p->shelves_len; i++)
        (void)pthread_cond_broadcast(&p->shelves[i]->ready);
    (void)pthread_cond_broadcast(&p->work);
    (void)pthread_mutex_unlock(&p->lock);
}

struct pool *pool_stop(struct pool *p) { return pool_stop_until(p, INT64_MAX); }

struct pool *pool_stop_until(struct pool *p, int64_t deadline_ns)
{
    if (!p)
        return NULL;
    pool_close(p);
    (void)pthread_mutex_lock(&p->lock);
    p->deadline = deadline_ns;
    (void)pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->threads; i++)
        pool_thread_until(&p->makers[i], deadline_ns);
    for (int i = 0; i < p->threads; i++)
        pool_thread_join(&p->makers[i]);

    /* What the makers still brought went straight to the removers. */
    (void)pthread_mutex_lock(&p->lock);
    p->makers_gone = true;
    (void)pthread_cond_broadcast(&p->litter);
    (void)pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->threads; i++)
        pool_thread_join(&p->removers[i]);

    for (int i = 0; i < p->shelves_len; i++)
        p->shelves[i] = pool_class_free(p->shelves[i]);
    (void)pthread_cond_destroy(&p->work);
    (void)pthread_cond_destroy(&p->litter);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
    return NULL;
}
