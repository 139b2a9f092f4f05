#include "schema/store/jobs_apply.h"

#include "schema/store/jobs_accept.h"
#include "schema/store/jobs_claim.h"
#include "schema/store/jobs_finish.h"
#include "schema/store/jobs_outbox.h"
#include "schema/store/jobs_return.h"
#include "schema/store/jobs_table.h"

static int call_operation(struct jobs *j, struct jobs_op *op, struct err *e)
{
    switch (op->kind) {
    case JOBS_ACCEPT:
        return jobs_accept(j, op, e);
    case JOBS_CLAIM:
        return jobs_claim(j, op, e);
    case JOBS_BEGIN:
        return jobs_begin(j, op, e);
    case JOBS_FINISH:
        return jobs_finish(j, op, e);
    case JOBS_REQUEUE:
        return jobs_requeue(j, op, e);
    case JOBS_CANCEL:
        return jobs_cancel(j, op, e);
    case JOBS_REFUSE:
        return jobs_refuse(j, op, e);
    case JOBS_PUBLISH:
        return jobs_publish(j, op, e);
    case JOBS_SENT:
        return jobs_sent(j, op, e);
    case JOBS_RETURN:
        return jobs_return(j, op, e);
    case JOBS_WATERMARKS:
        return jobs_store_watermarks(j, op, e);
    }
    return JOBS_REFUSED(op, ERR_BUG, "unknown operation %d", (int)op->kind);
}

int jobs_apply(struct jobs *j, struct jobs_op *op, struct err *e)
{
    op->result = 0;
    int rc = call_operation(j, op, e);
    bool nothing = op->result < 0 || (op->kind == JOBS_CLAIM && op->u.claim.seq == 0);
    j->group.wrote = j->group.wrote || !nothing;
    return rc;
}
