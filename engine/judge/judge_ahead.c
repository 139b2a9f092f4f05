#include "engine/judge/judge_ahead.h"

#include <string.h>

#include "engine/cell/cell.h"
#include "engine/pool/lease.h"
#include "engine/pool/permits.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

/* What one more cell costs: a container's life, and what is done to acquire it and verify it clean.
 */
#define LIFE_NS    (150 * NS_PER_MS)
#define ACQUIRE_NS (2 * NS_PER_MS)
/* A pipe of a run holds this much. A program that prints more waits for this thread to read, and
 * must not wait while the thread compares what another one printed. */
#define PRINTED_MAX ((size_t)256 * KIB)

int judge_ahead_open(struct judge_ahead *a, struct lease *lease,
                     const struct lease_class *cell_class, int64_t memory_bytes, int uses_max,
                     struct err *e)
{
    *a = (struct judge_ahead){ .lease = lease,
                               .cell_class = cell_class,
                               .memory_bytes = memory_bytes,
                               .uses_max = uses_max,
                               .in_order = !lease->permits };
    if (lease_acquire(lease, cell_class, memory_bytes, uses_max, &a->cells[0], e) < 0)
        return -1;
    a->cells_len = 1;
    return 0;
}

static size_t count_unfinished(const struct judge_ahead *a)
{
    size_t going = 0;

    for (size_t i = 0; i < a->runs_len; i++)
        going += cell_over(a->runs[i]->cell) ? 0 : 1;
    return going;
}

/* One run that goes on uses the lease's own core, each other one a further core. */
static void give_permits_back(struct judge_ahead *a)
{
    size_t going = count_unfinished(a), needed = going > 1 ? going - 1 : 0;

    for (; a->further > needed; a->further--)
        permits_give(a->lease->permits);
}

/* ---- cells ---- */

static int64_t mean_wall_ns(const struct judge_ahead *a)
{
    return a->wall_runs > 0 ? a->wall_ns / a->wall_runs : 0;
}

/* All its submissions share a cell's life. One beyond those that can run at once is kept by no
 * pool, and only lets a short run begin behind a long one: it saves a part of what
 * is_worth_a_cell() counts, and nothing where all runs are as long. */
static int64_t cost_of_cell(const struct judge_ahead *a)
{
    bool kept = (int64_t)a->cells_len < permits_most(a->lease->permits);

    return (kept ? LIFE_NS / a->uses_max : 4 * LIFE_NS) + ACQUIRE_NS;
}

/* Would the tests that are left be over so much earlier with one more cell? */
static bool is_worth_a_cell(const struct judge_ahead *a, size_t left)
{
    size_t n = left + a->runs_len, cells = a->cells_len;

    if (cells == CELL_POLL_MAX || n <= cells)
        return false;
    size_t rounds = (n + cells - 1) / cells, then = (n + cells) / (cells + 1);
    return (int64_t)(rounds - then) * mean_wall_ns(a) > cost_of_cell(a) &&
           permits_idle(a->lease->permits);
}

/* The prefetch has its own thread, since a program in progress must not wait until a cell is made
 * or its memory is set. A cell that is idle comes at once, so with no run in progress the start of
 * the next one waits a little for it. */
static void add_cell(struct judge_ahead *a, size_t left)
{
    struct lease_cell *c;
    struct err e;
    int64_t until = 0;

    if (!a->asked && is_worth_a_cell(a, left)) {
        lease_prefetch(a->lease, a->cell_class, a->memory_bytes, a->uses_max);
        a->asked = true;
        if (a->runs_len == 0)
            until = clock_mono_ns() + mean_wall_ns(a) / 8;
    }
    if (!a->asked || !lease_prefetched(a->lease, until))
        return;
    a->asked = false;
    if (lease_acquire(a->lease, a->cell_class, a->memory_bytes, a->uses_max, &c, &e) == 0) {
        a->cells[a->cells_len++] = c;
        return;
    }
    a->in_order = true;
    a->lease->stage = LEASE_USES; /* a later fault is of a run, not of this */
}

static bool is_free(const struct judge_ahead *a, const struct lease_cell *c)
{
    for (size_t i = 0; i < a->runs_len; i++)
        if (a->runs[i] == c)
            return false;
    return true;
}

/* There is one, after judge_ahead_room(). */
static size_t find_free(const struct judge_ahead *a)
{
    size_t i = 0;

    while (!is_free(a, a->cells[i]))
        i++;
    return i;
}

/* ---- runs ---- */

bool judge_ahead_room(struct judge_ahead *a, size_t left)
{
    if (!a->in_order && a->wall_runs > 0)
        add_cell(a, left);
    if (a->runs_len == 0)
        return true;
    if (a->in_order || a->runs_len == a->cells_len)
        return false;
    if (count_unfinished(a) == 0)
        return true;
    if (!permits_try(a->lease->permits))
        return false;
    a->further++;
    return true;
}

int judge_ahead_begin(struct judge_ahead *a, const struct cell_request *request, struct err *e)
{
    size_t place = find_free(a);
    struct lease_cell *c = a->cells[place];

    if (cell_begin(c->cell, a->lease->docker, request, e) == 0) {
        a->runs[a->runs_len++] = c;
        return 0;
    }
    c->dead = true;
    a->cells[place] = a->cells[--a->cells_len];
    a->in_order = true;
    give_permits_back(a);
    return -1;
}

static struct lease_cell *take_oldest(struct judge_ahead *a)
{
    struct lease_cell *oldest = a->runs[0];

    memmove(&a->runs[0], &a->runs[1], --a->runs_len * sizeof a->runs[0]);
    return oldest;
}

static void await_oldest(struct judge_ahead *a)
{
    struct cell *cells[CELL_POLL_MAX];

    for (size_t i = 0; i < a->runs_len; i++)
        cells[i] = a->runs[i]->cell;
    while (!cell_over(cells[0])) {
        cell_poll(cells, a->runs_len);
        give_permits_back(a);
    }
}

int judge_ahead_finish(struct judge_ahead *a, struct cell_result *ret_result, struct err *e)
{
    await_oldest(a);
    struct lease_cell *c = take_oldest(a);
    int rc = cell_finish(c->cell, a->lease->docker, ret_result, e);

    c->dead = c->dead || rc < 0;
    give_permits_back(a);
    if (rc < 0)
        return -1;
    a->wall_ns += ret_result->agent.wall_ns;
    a->wall_runs++;
    a->in_order = a->in_order || ret_result->out.len > PRINTED_MAX;
    return 0;
}

void judge_ahead_close(struct judge_ahead *a)
{
    struct cell_result result;
    struct err e;

    for (size_t i = 0; i < a->runs_len; i++)
        cell_kill(a->runs[i]->cell);
    while (a->runs_len > 0)
        if (judge_ahead_finish(a, &result, &e) == 0)
            cell_result_clear(&result);
}
