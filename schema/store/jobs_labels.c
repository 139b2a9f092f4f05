#include "schema/store/jobs_labels.h"

#include "schema/store/jobs_table.h"

/* One statement for all labels of a row: each would be a round trip to a shared table. */
#define ADD(members)                                                                               \
    "INSERT INTO job_label(label, submitted, job_seq)"                                             \
    " SELECT key || ':' || value, ?2, ?3 FROM " members
#define DELETE(members)                                                                            \
    "DELETE FROM job_label WHERE job_seq = ?1 AND (label, submitted) IN"                           \
    " (SELECT key || ':' || value, submitted_ms FROM job, " members " WHERE seq = ?1)"

int jobs_labels_add(struct jobs *j, int64_t seq, int64_t submitted_ms, const char *labels,
                    struct err *e)
{
    JOBS_SQL(shared) = ADD("json_each_text(?1::json)");
    JOBS_SQL(alone) = ADD("json_each(?1)");
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, j->backend->shared ? shared : alone, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, labels);
    db_bind_int(q, 2, submitted_ms);
    db_bind_int(q, 3, seq);
    return db_run(q, e);
}

int jobs_labels_delete(struct jobs *j, int64_t seq, struct err *e)
{
    JOBS_SQL(shared) = DELETE("json_each_text(job.labels::json)");
    JOBS_SQL(alone) = DELETE("json_each(job.labels)");
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, j->backend->shared ? shared : alone, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    return db_run(q, e);
}
