#include "server/api/context.h"

#include <stdlib.h>

#include "schema/store/jobs_op.h"
#include "server/live/hub.h"

struct engine *context_engine(const struct request *r)
{
    return r->has_engine ? context_of(r)->engine_to_lend : NULL;
}

/* ---- writing to the job table ---- */

/* On the table's writer thread, which must not run the step itself. */
static void resume_after_commit(struct jobs_op *op)
{
    struct request *r = op->ctx;
    struct call *c = call_of(r);

    if (!c->committed || !c->committed(r))
        request_resume_soon(r);
}

enum next context_commit(struct request *r, enum next (*then)(struct request *r))
{
    struct jobs_op *op = &call_of(r)->op;

    if (!r->has_engine || !request_hold(r))
        return request_stopping(r);
    r->step = then;
    op->done = resume_after_commit;
    op->ctx = r;
    jobs_put(context_of(r)->jobs, op);
    return NEXT_PAUSE;
}

/* ---- the end ---- */

void context_release(struct request *r)
{
    struct call *c = call_of(r);

    submission_packed_clear(&c->packed);
    c->submission = submission_free(c->submission);
}

void context_end(struct request *r)
{
    struct call *c = call_of(r);

    hub_leave(&c->stream);
    free(TAKE(c->waiter.report));
    if (c->own)
        c->free_own(c->own);
    c->kept = submission_free(c->kept);
}
