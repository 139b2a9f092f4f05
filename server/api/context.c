#include "server/api/context.h"

#include "schema/store/jobs_op.h"
#include "server/live/hub.h"

struct engine *context_engine(const struct request *r)
{
    return r->has_engine ? context_of(r)->lent : NULL;
}

/* ---- writing to the job table ---- */

/* On its writer thread, which has better things to do. */
static void committed(struct jobs_op *op) { request_resume_soon(op->ctx); }

/* The same. What is to be done then must be done even if the client has gone. */
static void committed_aside(struct jobs_op *op) { request_resume_offloaded(op->ctx); }

enum next context_commit(struct request *r, enum next (*then)(struct request *r), bool aside)
{
    struct jobs_op *op = &call_of(r)->op;

    if (!r->has_engine || !request_hold(r))
        return request_stopping(r);
    r->step = then;
    op->done = aside ? committed_aside : committed;
    op->ctx = r;
    jobs_put(context_of(r)->jobs, op);
    return NEXT_PAUSE;
}

/* ---- the end ---- */

void context_rest(struct request *r)
{
    struct call *c = call_of(r);

    submission_packed_clear(&c->packed);
    c->submission = submission_free(c->submission);
}

void context_end(struct request *r) { hub_leave(&call_of(r)->stream); }
