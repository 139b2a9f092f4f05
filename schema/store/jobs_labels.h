/* schema/store/jobs_labels.h - the entries by which rows are found by a label: table job_label.
 *
 * A row without labels has none, and costs no statement.
 *
 * Room     schema/store, private to the job table.
 * Threads  the writer thread, in the transaction of a group.
 * Errors   -1 with *e filled: roll back the transaction.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct jobs;

/* Of a new row; labels: its text of all labels. */
NODISCARD int jobs_labels_add(struct jobs *j, int64_t seq, int64_t submitted_ms, const char *labels,
                              struct err *e);
/* Of a row that is about to be deleted. */
NODISCARD int jobs_labels_delete(struct jobs *j, int64_t seq, struct err *e);
