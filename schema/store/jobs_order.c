#include "schema/store/jobs_order.h"

#include "schema/store/jobs_table.h"

#define START_MASK ((INT64_C(1) << JOBS_ORDER_SHIFT) - 1)

_Static_assert(2 * SUBMISSION_PRIORITY_MAX < JOBS_PRIORITIES, "unowned_rank has a place for each");
_Static_assert(2 * SUBMISSION_PRIORITY_MAX < 1 << (63 - JOBS_ORDER_SHIFT), "no rank is negative");

/* ---- the rule ---- */

int64_t jobs_order_lowest(int64_t priority)
{
    return (SUBMISSION_PRIORITY_MAX - priority) << JOBS_ORDER_SHIFT;
}

int64_t jobs_order_start(int64_t now, int64_t last)
{
    int64_t behind = last < 0 ? 0 : last + JOBS_ORDER_STEP;

    return behind > now ? behind : now;
}

void jobs_order_unowned(struct jobs *j, int64_t rank)
{
    int64_t *last = &j->unowned_rank[rank >> JOBS_ORDER_SHIFT];

    if (*last < rank)
        *last = rank;
}

/* ---- a new row ---- */

/* The first row of the language and the owner's last, of one priority and from this rank on. Each
 * -1: there is none. */
static int read_starts(struct jobs *j, const struct jobs_accept_op *a, int64_t from,
                       int64_t *ret_first, int64_t *ret_last, struct err *e)
{
    JOBS_SQL(select) =
        "SELECT (SELECT rank FROM job WHERE state = 0 AND language = ?1 AND rank >= ?3"
        " AND rank <= ?4 ORDER BY rank LIMIT 1),"
        " (SELECT rank FROM job WHERE state = 0 AND owner = ?2 AND rank >= ?3"
        " AND rank <= ?4 ORDER BY rank DESC LIMIT 1)";
    int64_t lowest = jobs_order_lowest(a->submission->priority);
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, a->submission->language);
    db_bind_text(q, 2, a->owner);
    db_bind_int(q, 3, from);
    db_bind_int(q, 4, lowest | START_MASK);
    if (db_step(q, e) < 0)
        return -1;
    *ret_first = db_is_null(q, 0) ? -1 : db_int(q, 0) & START_MASK;
    int64_t last = a->owner ? db_int(q, 1) : j->unowned_rank[lowest >> JOBS_ORDER_SHIFT];
    *ret_last = last == 0 ? -1 : last & START_MASK;
    return 0;
}

/* Sets *ret_start to that of the first row of this priority from this rank on; -1: there is none.
 */
static int read_first_of_all(struct jobs *j, int64_t lowest, int64_t from, int64_t *ret_start,
                             struct err *e)
{
    int64_t rank;

    if (j->backend->first_rank(j, from, &rank, e) < 0)
        return -1;
    *ret_start = rank >= lowest && rank <= (lowest | START_MASK) ? rank & START_MASK : -1;
    return 0;
}

int jobs_order_rank(struct jobs *j, const struct jobs_accept_op *a, int64_t queued,
                    int64_t *ret_rank, struct err *e)
{
    int64_t lowest = jobs_order_lowest(a->submission->priority), now, last;
    int64_t from = atomic_load(&j->claim_from);      /* claims begin there */
    bool empty = queued == 0 && !j->backend->shared; /* a shared table's count is behind */

    *ret_rank = 0;
    if (a->owner || empty)
        atomic_store(&j->has_owners, a->owner != NULL);
    if (empty || !atomic_load(&j->has_owners))
        return 0;
    if (from < lowest)
        from = lowest;
    if (read_starts(j, a, from, &now, &last, e) < 0 ||
        (now < 0 && read_first_of_all(j, lowest, from, &now, e) < 0))
        return -1;
    if (now >= 0)
        *ret_rank = lowest + jobs_order_start(now, last);
    return 0;
}
