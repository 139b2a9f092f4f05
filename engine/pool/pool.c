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

#define CLASSES_MAX      256
#define TICK_NS          NS_PER_S        /* how often idle cells are checked */
#define QUIET_NS         (60 * NS_PER_S) /* without a wait in this time: one idle cell less */
#define EARLY_NS         (10 * NS_PER_S) /* a cell that dies idle before this age died early */
#define BACKOFF_MAX      (30 * NS_PER_S)
#define BACKOFF_AWAY_MAX (2 * NS_PER_S) /* asking a Docker that is away is cheap */
#define THREADS_MAX      16

/* Its one lock is held briefly, never during a call to Docker. */
struct pool {
    struct pool_config config;
    struct pool_thread creators[THREADS_MAX], removers[THREADS_MAX];
    int threads; /* of each kind */

    pthread_mutex_t lock;
    pthread_cond_t work;                     /* wakes creators */
    pthread_cond_t to_remove;                /* wakes removers */
    bool stopping;                           /* guarded by lock, as is all below */
    bool all_made;                           /* the creators have ended */
    struct pool_class *classes[CLASSES_MAX]; /* owned */
    int classes_len;
    uint64_t uses; /* calls of pool_acquire() */
    struct pool_removal removal;
    int64_t deadline;           /* of the end, clock_mono_ns() */
    struct pool_leased *leased; /* owned */
    int64_t tick_at;
    struct pool_stats stats; /* without idle and removing, which pool_stats() counts */
};

static int64_t most_idle(const struct pool *p)
{
    return p->config.parallel > 1 ? p->config.parallel : 1;
}

static struct pool_budget budget_of(const struct pool *p)
{
    return (struct pool_budget){ .classes = p->classes,
                                 .classes_len = p->classes_len,
                                 .most = pool_budget_most(most_idle(p)) };
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- removal ---- */

static void discard_locked(struct pool *p, struct cell *c)
{
    if (pool_removal_add(&p->removal, c))
        (void)pthread_cond_signal(&p->to_remove);
    else
        (void)cell_free(c, NULL); /* its agent ends; a sweep removes the container */
}

static void try_removal_locked(struct pool *p, struct pool_removal_cell *removed, struct docker *d)
{
    bool ending = p->all_made;
    int64_t deadline = p->deadline;

    (void)pthread_mutex_unlock(&p->lock);
    pool_removal_try(removed, d, deadline, ending);
    (void)pthread_mutex_lock(&p->lock);
    pool_removal_done(&p->removal, removed);
    (void)pthread_cond_signal(&p->work); /* creators wait while too many are being removed */
}

static void *remover_main(void *arg)
{
    struct pool_thread *t = arg;
    struct pool *p = t->pool;

    (void)pthread_mutex_lock(&p->lock);
    for (;;) {
        struct pool_removal_cell *r = pool_removal_next(&p->removal, clock_mono_ns(), p->all_made);
        int64_t due = pool_removal_due(&p->removal);
        if (r)
            try_removal_locked(p, r, t->docker);
        else if (p->all_made)
            break;
        else if (due < INT64_MAX)
            (void)clock_cond_wait(&p->to_remove, &p->lock, due);
        else
            (void)pthread_cond_wait(&p->to_remove, &p->lock);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- creation ---- */

static void add_idle_locked(struct pool *p, struct pool_class *cls, struct cell *c, int uses)
{
    bool wanted = cls->users > 0 || cls->waiting > 0;
    const struct pool_budget b = budget_of(p);

    if (p->stopping || !wanted || !cell_alive(c) || !pool_class_push(cls, c, uses)) {
        discard_locked(p, c);
        return;
    }
    struct pool_class *excess = pool_budget_excess(&b);
    if (excess)
        discard_locked(p, pool_class_pull(excess, 0).cell);
}

static void reap_dead_locked(struct pool *p, struct pool_class *cls, int64_t now)
{
    for (int64_t i = cls->idle_len - 1; i >= 0; i--) {
        if (cell_alive(cls->idle[i].cell)) {
            if (now - cls->idle[i].since_ns > EARLY_NS)
                cls->failures = cls->failing ? cls->failures : 0;
            continue;
        }
        discard_locked(p, pool_class_pull(cls, i).cell);
        p->stats.died++;
        pool_class_back_off(cls, now, BACKOFF_MAX);
    }
}

/* Once a second: removes dead idle cells, and shrinks classes for which no one has waited. */
static void maintain_locked(struct pool *p, int64_t now)
{
    if (now < p->tick_at)
        return;
    p->tick_at = now + TICK_NS;
    for (int i = 0; i < p->classes_len; i++) {
        struct pool_class *cls = p->classes[i];
        reap_dead_locked(p, cls, now);
        if (now - cls->quiet_since_ns < QUIET_NS)
            continue;
        cls->quiet_since_ns = now;
        if (cls->target > 1)
            cls->target--;
        if (cls->idle_len > cls->target)
            discard_locked(p, pool_class_pull(cls, 0).cell);
    }
}

/* The class that lacks most cells; those with waiting callers come first. */
static struct pool_class *find_neediest_locked(struct pool *p, int64_t now)
{
    struct pool_class *best = NULL;
    int64_t most = 0;

    if (p->removal.len - p->removal.stuck_len > 4 * most_idle(p) + 8)
        return NULL; /* until removers have caught up, for cells being removed use memory too */
    for (int i = 0; i < p->classes_len; i++) {
        struct pool_class *cls = p->classes[i];
        int64_t lack = pool_class_lacks(cls, now);
        if (lack > 0 && cls->waiting > cls->making)
            lack += CLASSES_MAX;
        if (lack > most) {
            most = lack;
            best = cls;
        }
    }
    return best;
}

static void create_cell_locked(struct pool *p, struct pool_class *cls, struct docker *d)
{
    struct cell *c = NULL;
    struct err e = { .kind = ERR_NONE };

    cls->making++;
    (void)pthread_mutex_unlock(&p->lock);
    int64_t began = clock_mono_ns();
    int rc = cell_open(d, p->config.host, &cls->spec, &c, &e);
    (void)pthread_mutex_lock(&p->lock);
    cls->making--;
    if (rc == 0) {
        cls->failing = false;
        p->stats.made++;
        add_idle_locked(p, cls, c, 0);
        return;
    }
    if (began >= cls->retry_at_ns) /* attempts at the same time count as one failure */
        pool_class_back_off(cls, clock_mono_ns(),
                            e.kind == ERR_UNAVAILABLE ? BACKOFF_AWAY_MAX : BACKOFF_MAX);
    cls->failing = true;
    cls->last = e;
    if (cls->making == 0) {
        cls->rounds++;
        (void)pthread_cond_broadcast(&cls->ready);
    }
}

static void *creator_main(void *arg)
{
    struct pool_thread *t = arg;
    struct pool *p = t->pool;

    (void)pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        int64_t now = clock_mono_ns();
        maintain_locked(p, now);
        struct pool_class *cls = find_neediest_locked(p, now);
        if (cls) {
            create_cell_locked(p, cls, t->docker);
            continue;
        }
        int64_t until = p->tick_at;
        for (int i = 0; i < p->classes_len; i++)
            if (p->classes[i]->retry_at_ns > now)
                until = earlier(until, p->classes[i]->retry_at_ns);
        (void)clock_cond_wait(&p->work, &p->lock, until);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- classes ---- */

/* Only from the free budget: another class loses a cell only when a pool_acquire() has to wait. */
static void grant_first_locked(struct pool *p, struct pool_class *cls)
{
    const struct pool_budget b = budget_of(p);

    (void)pool_budget_grant(&b, cls);
}

/* A pool_acquire() had to wait: the class keeps one cell more. */
static void grant_more_locked(struct pool *p, struct pool_class *cls)
{
    const struct pool_budget b = budget_of(p);

    if (cls->users > 0 && cls->target < cls->idle_max && !pool_budget_grant(&b, cls))
        (void)pool_budget_move(&b, cls);
}

static int add_class_locked(struct pool *p, const struct cell_spec *spec, struct err *e)
{
    for (int i = 0; i < p->classes_len; i++) {
        if (!pool_class_suits(p->classes[i], spec))
            continue;
        p->classes[i]->retry_at_ns = 0; /* the cause may be gone, as when an image was pulled */
        if (p->classes[i]->users++ == 0)
            grant_first_locked(p, p->classes[i]);
        return i;
    }
    if (p->classes_len == CLASSES_MAX)
        return err_set(e, ERR_BUG, "more than %d kinds of cells", CLASSES_MAX);
    struct pool_class *cls = pool_class_new(spec, most_idle(p));
    if (!cls)
        return err_set(e, ERR_NOMEM, "a pool class for %.100s", spec->image);
    cls->users = 1;
    p->classes[p->classes_len++] = cls;
    grant_first_locked(p, cls);
    return p->classes_len - 1;
}

int pool_class_add(struct pool *p, const struct cell_spec *spec, struct err *e)
{
    (void)pthread_mutex_lock(&p->lock);
    int n = add_class_locked(p, spec, e);
    (void)pthread_cond_signal(&p->work);
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}

void pool_class_remove(struct pool *p, int class_number)
{
    (void)pthread_mutex_lock(&p->lock);
    struct pool_class *cls = p->classes[class_number];
    if (--cls->users == 0) {
        cls->target = 0;
        while (cls->idle_len > cls->waiting)
            discard_locked(p, pool_class_pull(cls, 0).cell);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

/* ---- acquire and release ---- */

static bool acquire_idle_locked(struct pool *p, struct pool_class *cls, int64_t memory,
                                struct pool_class_slot *ret_slot)
{
    reap_dead_locked(p, cls, clock_mono_ns());
    int64_t pick = pool_class_pick(cls, memory);
    if (pick < 0)
        return false;
    *ret_slot = pool_class_pull(cls, pick);
    cls->failures = 0;
    p->stats.taken++;
    return true;
}

/* For these failures no attempt of a submission is counted, so pool_acquire() may return one at
 * once. After others it waits for a new try: one bad moment must not use up all attempts. */
static bool is_lasting(enum err_kind kind)
{
    return kind == ERR_UNAVAILABLE || kind == ERR_IMAGE || kind == ERR_DISK || kind == ERR_NOMEM;
}

static int wait_for_cell_locked(struct pool *p, struct pool_class *cls, int64_t memory,
                                struct pool_class_slot *ret_slot, struct err *e)
{
    uint64_t rounds = cls->rounds;
    bool waited = false;

    cls->used = ++p->uses;
    while (p->stopping || !acquire_idle_locked(p, cls, memory, ret_slot)) {
        if (p->stopping)
            return err_set(e, ERR_CANCELLED, "the pool is stopping");
        bool resting = cls->failing && is_lasting(cls->last.kind) && cls->making == 0 &&
                       clock_mono_ns() < cls->retry_at_ns;
        if (resting || cls->rounds != rounds)
            return err_set(e, cls->last.kind, "%.390s", cls->last.msg);
        if (!waited)
            grant_more_locked(p, cls);
        waited = true;
        cls->quiet_since_ns = clock_mono_ns();
        cls->waiting++;
        (void)pthread_cond_signal(&p->work);
        (void)pthread_cond_wait(&cls->ready, &p->lock);
        cls->waiting--;
    }
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): seven parameters, single values of the callers */
int pool_acquire(struct pool *p, int class_number, int64_t memory_bytes, int uses_max,
                 struct cell **ret_cell, int *ret_uses, struct err *e)
{
    struct pool_class_slot slot = { 0 };
    (void)pthread_mutex_lock(&p->lock);
    int rc = class_number >= 0 && class_number < p->classes_len
                 ? wait_for_cell_locked(p, p->classes[class_number], memory_bytes, &slot, e)
                 : err_set(e, ERR_BUG, "there is no pool class %d", class_number);
    if (rc == 0 && slot.uses < uses_max - 1)
        pool_leased_add(&p->leased, slot.cell, p->classes[class_number]);
    if (rc == 0 && pool_class_lacks(p->classes[class_number], clock_mono_ns()) > 0)
        (void)pthread_cond_signal(&p->work);
    (void)pthread_mutex_unlock(&p->lock);
    if (rc < 0)
        return -1;
    *ret_cell = slot.cell;
    *ret_uses = slot.uses;
    return 0;
}

void pool_release(struct pool *p, int class_number, struct cell *c, int uses)
{
    (void)pthread_mutex_lock(&p->lock);
    p->stats.taken--;
    pool_leased_end(&p->leased, c);
    add_idle_locked(p, p->classes[class_number], c, uses);
    (void)pthread_mutex_unlock(&p->lock);
}

void pool_discard(struct pool *p, struct cell *c)
{
    (void)pthread_mutex_lock(&p->lock);
    p->stats.taken--;
    pool_leased_end(&p->leased, c);
    discard_locked(p, c);
    (void)pthread_cond_signal(&p->work); /* its class may lack a cell now */
    (void)pthread_mutex_unlock(&p->lock);
}

void pool_remove(struct pool *p, struct cell *c)
{
    (void)pthread_mutex_lock(&p->lock);
    discard_locked(p, c);
    (void)pthread_mutex_unlock(&p->lock);
}

void pool_stats(struct pool *p, struct pool_stats *ret_stats)
{
    (void)pthread_mutex_lock(&p->lock);
    *ret_stats = p->stats;
    ret_stats->removing = p->removal.len;
    for (int i = 0; i < p->classes_len; i++)
        ret_stats->idle += p->classes[i]->idle_len;
    (void)pthread_mutex_unlock(&p->lock);
}

/* ---- start and stop ---- */

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
    clock_cond_init(&p->to_remove);
    for (int i = 0; i < p->threads; i++)
        if (pool_thread_start(&p->creators[i], p, c->docker_host, creator_main, e) < 0 ||
            pool_thread_start(&p->removers[i], p, c->docker_host, remover_main, e) < 0)
            return -1;
    *ret_pool = TAKE(p);
    return 0;
}

static void discard_idle_locked(struct pool *p)
{
    for (int i = 0; i < p->classes_len; i++)
        while (p->classes[i]->idle_len > 0)
            discard_locked(p, pool_class_pull(p->classes[i], 0).cell);
}

void pool_close(struct pool *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->stopping = true;
    discard_idle_locked(p);
    for (int i = 0; i < p->classes_len; i++)
        (void)pthread_cond_broadcast(&p->classes[i]->ready);
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
        pool_thread_until(&p->creators[i], deadline_ns);
    for (int i = 0; i < p->threads; i++)
        pool_thread_join(&p->creators[i]);

    /* Cells that creators have finished since pool_close() are already in the removal list. */
    (void)pthread_mutex_lock(&p->lock);
    p->all_made = true;
    (void)pthread_cond_broadcast(&p->to_remove);
    (void)pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->threads; i++)
        pool_thread_join(&p->removers[i]);

    for (int i = 0; i < p->classes_len; i++)
        p->classes[i] = pool_class_free(p->classes[i]);
    (void)pthread_cond_destroy(&p->work);
    (void)pthread_cond_destroy(&p->to_remove);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
    return NULL;
}
